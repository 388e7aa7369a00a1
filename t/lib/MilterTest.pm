# SPDX-License-Identifier: GPL-2.0-or-later
# MilterTest: an asn-milter of its own for a test, with databases and a log.
package MilterTest;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename;
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Time::HiRes qw(time sleep);
our @EXPORT = qw(@user @with $top $build $tmp spew slurp make_db config start_milter
	stop_milter wait_until talk log_text);

our $top = dirname(dirname(dirname(abs_path(__FILE__))));
our $build = abs_path($ENV{ASND_BUILD} // "$top/build");
# GLib's slices are not known to TSan.
$ENV{G_SLICE} = 'always-malloc';
# TSan otherwise waits a second at every exit.
$ENV{TSAN_OPTIONS} = join ':', $ENV{TSAN_OPTIONS} // (), 'atexit_sleep_ms=0';
our $tmp = tempdir('asn-milter-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $tmp;
mkdir "$tmp/db";
# It refuses to be root; this user may make sockets in $tmp.
our @user = $> == 0 ? ('--user', 'nobody') : ();
chown((getpwnam('nobody'))[2, 3], $tmp) if $> == 0;
our @with; # a command that starts it, such as prlimit with its options
my %running;

sub spew { open my $f, '>', $_[0] or die "$_[0]: $!"; print $f $_[1]; close $f }
sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; <$f> // '' }
sub make_db { system("$build/t/make-db", "$tmp/db", @_) == 0 or die "make-db @_" }

# Condition with a deadline; generous, sanitizers are slow.
sub wait_until {
	my ($cond, $seconds) = @_;
	my $until = time + ($seconds // 30);
	until ($cond->()) {
		return 0 if time > $until;
		sleep 0.01;
	}
	return 1;
}

# Writes a config; text is what follows [milter].
sub config {
	my ($text) = @_;
	spew("$tmp/conf", "[paths]\ndatabase-dir=$tmp/db\nseal-key=$tmp/key\n" .
		"[milter]\nsocket=unix:$tmp/sock\n" . ($text // ''));
	return "$tmp/conf";
}

# Starts it and waits until it answers; returns the pid.  The log grows in
# $tmp/log.
sub start_milter {
	my (@args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>>', "$tmp/log" or die;
		open STDERR, '>>', "$tmp/log" or die;
		exec @with, "$build/milter/asn-milter", '--config', "$tmp/conf", @user, @args
			or die "exec: $!";
	}
	$running{$pid} = 1;
	my ($path) = "@args" =~ /unix:(\S+)/;
	$path //= "$tmp/sock";
	my $up = wait_until(sub {
		waitpid($pid, WNOHANG) == $pid
			|| IO::Socket::UNIX->new(Peer => $path) });
	die "asn-milter does not listen: " . log_text() unless $up && kill 0, $pid;
	return $pid;
}

# Ends it; returns (exit status, seconds it took).
sub stop_milter {
	my ($pid, $signal) = @_;
	my $start = time;
	kill $signal // 'TERM', $pid;
	wait_until(sub { waitpid($pid, WNOHANG) == $pid }) or kill 'KILL', $pid;
	delete $running{$pid};
	return ($?, time - $start);
}
# Asked first: killed, it leaves no counts of what it ran (t/coverage).
END {
	local $?;
	kill 'TERM', keys %running;
	stop_milter($_) for keys %running;
}

sub log_text { -e "$tmp/log" ? slurp("$tmp/log") : '' }

# Plays a script to the milter; returns its answers as lines.
sub talk {
	my ($script, $spec) = @_;
	spew("$tmp/script", $script);
	$spec //= "unix:$tmp/sock";
	my @lines = split /\n/, qx($build/t/mta $spec < $tmp/script);
	shift @lines if @lines && $lines[0] =~ /^steps /;
	return @lines;
}

1;
