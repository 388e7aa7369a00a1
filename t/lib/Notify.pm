# SPDX-License-Identifier: GPL-2.0-or-later
# The service manager's end of sd_notify(3) for tests: a socket, in the file
# system or abstract, and what was said on it.
package Notify;
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM MSG_DONTWAIT);
use Time::HiRes qw(time);

# abstract: 1.  Anybody may write to it.
sub new {
	my ($class, %opt) = @_;
	my $dir = tempdir('notify-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	my $path = $opt{abstract} ? "\0asnd-test-$$-" . int(rand 1e9) : "$dir/notify";
	my $socket = IO::Socket::UNIX->new(Local => $path, Type => SOCK_DGRAM) or die "notify: $!";
	chmod 0777, $path if !$opt{abstract};
	(my $name = $path) =~ s/^\0/@/;
	return bless { socket => $socket, name => $name, dir => $dir, said => [] }, $class;
}
# For %ENV of the program.  watchdog: seconds, or nothing.
sub env {
	my ($self, $watchdog) = @_;
	return (NOTIFY_SOCKET => $self->{name}, $watchdog ? (WATCHDOG_USEC => int($watchdog * 1e6)) : ());
}
# Takes what has come; returns it all since the start or the last forget.
sub said {
	my ($self) = @_;
	while (defined $self->{socket}->recv(my $text, 65536, MSG_DONTWAIT)) {
		push @{ $self->{said} }, split /\n/, $text;
	}
	return @{ $self->{said} };
}
sub forget { my ($self) = @_; $self->said; $self->{said} = [] }
# The last STATUS=.
sub status {
	my ($self) = @_;
	my @all = map { /^STATUS=(.*)/ ? $1 : () } $self->said;
	return $all[-1] // '';
}
sub pings { my ($self) = @_; return scalar grep { $_ eq 'WATCHDOG=1' } $self->said }
# Waits until the condition holds, looking whenever something is said.
sub wait_for {
	my ($self, $cond, $seconds) = @_;
	my $end = time + ($seconds // 30);
	my $select = IO::Select->new($self->{socket});
	until ($self->said, $cond->()) {
		return 0 if time > $end;
		$select->can_read(0.02);
	}
	return 1;
}
# How many pings come in so many seconds.
sub pings_in {
	my ($self, $seconds) = @_;
	$self->forget;
	my $end = time + $seconds;
	my $select = IO::Select->new($self->{socket});
	while ((my $left = $end - time) > 0) {
		$select->can_read($left) and $self->said;
	}
	return $self->pings;
}
1;
