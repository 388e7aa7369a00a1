# SPDX-License-Identifier: GPL-2.0-or-later
# A system bus of our own, with the policy that is installed, for tests that run
# as root: asnd (Pair.pm) on it, and commands as whatever user.  The policy
# names user and group asnd, which need not exist here: nobody stands in.
#
#   my $bus = Bus->new;
#   my $p = Pair->new;
#   $bus->take($p);                         # before $p->start_both
#   my ($status, $out, $err) = $bus->asnctl(\%as, 'status');   # as: see run
package Bus;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Time::HiRes qw(time sleep);

my $top = dirname(dirname(dirname(abs_path(__FILE__))));
our $build = abs_path($ENV{ASND_BUILD} // "$top/build");
# Users for as: asnd itself, one in its group, one that is nobody to it.
our %ASND = (uid => 65534, gid => 65534);
our %MEMBER = (uid => 1, gid => 1, groups => 65534); # daemon
our %STRANGER = (uid => 2, gid => 2); # bin
our %ROOT = ();

sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; scalar <$f> }

# policy: its text, changed by a test.
sub new {
	my ($class, %opt) = @_;
	my $dir = tempdir('bus-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	my $self = bless { dir => $dir, main => $$,
		address => "unix:path=$dir/system_bus_socket" }, $class;
	my $policy = $opt{policy} // slurp("$top/units/org.asnd1.conf");
	my ($user, $group) = ((getpwuid 65534)[0], (getgrgid 65534)[0]);
	$policy =~ s/<policy user="asnd">/<policy user="$user">/g;
	$policy =~ s/<policy group="asnd">/<policy group="$group">/g;
	$self->spew('asnd.conf', $policy);
	# system.conf of dbus without what starts programs and drops rights.
	my $system = slurp('/usr/share/dbus-1/system.conf');
	$system =~ s{<(user|pidfile|servicehelper|listen)>.*?</\1>}{}gs;
	$system =~ s{<(standard_system_servicedirs|fork|syslog|keep_umask)\s*/>}{}g;
	$system =~ s{<include.*?</include>|<include[^>]*/>|<includedir>.*?</includedir>}{}gs;
	$system =~ s{</busconfig>}{<listen>$self->{address}</listen>
	    <include>$dir/asnd.conf</include></busconfig>};
	$self->spew('system.conf', $system);
	$self->start;
	return $self;
}

sub spew {
	my ($self, $name, $text) = @_;
	open my $f, '>', "$self->{dir}/$name" or die "$name: $!";
	print $f $text;
	close $f or die "$name: $!";
}

# Whether somebody listens there: a socket that is bound but not listened on yet
# refuses who connects.  SO_ACCEPTCON is 0x10000 (proc(5), unix(7)).
sub listens {
	my ($path) = @_;
	return scalar grep { / 00010000 \d+ \d+ +\d+ \Q$path\E$/ } split /\n/, slurp('/proc/net/unix');
}

sub start {
	my ($self) = @_;
	unlink "$self->{dir}/system_bus_socket";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDERR, '>>', "$self->{dir}/log" or die;
		open STDOUT, '>&', \*STDERR;
		exec 'dbus-daemon', "--config-file=$self->{dir}/system.conf", '--nofork', '--nopidfile'
		    or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	my $end = time + 10;
	until (listens("$self->{dir}/system_bus_socket")) {
		die "no bus: " . slurp("$self->{dir}/log") if time > $end || waitpid($pid, 1);
		sleep 0.005;
	}
	return 1;
}
sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill 'TERM', $pid;
	waitpid $pid, 0;
}
sub DESTROY {
	my ($self) = @_;
	return if $$ != $self->{main};
	local $?;
	$self->stop;
}

# asnd of this Pair will be on this bus.
sub take {
	my ($self, $pair) = @_;
	$pair->{env}{asnd}{DBUS_SYSTEM_BUS_ADDRESS} = $self->{address};
	$self->{pair} = $pair;
	return $self;
}

# Command in front of a program for {uid, gid, groups}; nothing: as we are.
sub as {
	my (undef, $as) = @_;
	return () if !defined $as->{uid};
	return ('setpriv', "--reuid=$as->{uid}", "--regid=$as->{gid}",
		$as->{groups} ? "--groups=$as->{groups}" : '--clear-groups', '--');
}

# Starts a command on this bus, stdin from {stdin} (a file name), with its
# output to files.  Returns what finish takes.
sub spawn {
	my ($self, $as, @command) = @_;
	my $n = ++$self->{n};
	# Here, for one that is killed before it comes to that.
	$self->spew("$_.$n", '') for qw(out err);
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		$ENV{DBUS_SYSTEM_BUS_ADDRESS} = $self->{address};
		open STDIN, '<', $as->{stdin} // '/dev/null' or die;
		open STDOUT, '>', "$self->{dir}/out.$n" or die;
		open STDERR, '>', "$self->{dir}/err.$n" or die;
		exec $self->as($as), @command or POSIX::_exit(127);
	}
	return { pid => $pid, out => "$self->{dir}/out.$n", err => "$self->{dir}/err.$n" };
}
# (exit status, output, errors); a signal is 128 and its number.
sub finish {
	my ($self, $job) = @_;
	waitpid $job->{pid}, 0;
	my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	return ($status, slurp($job->{out}), slurp($job->{err}));
}
# run(\%as, command...)
sub run {
	my ($self, @job) = @_;
	return $self->finish($self->spawn(@job));
}
sub asnctl {
	my ($self, $as, @arg) = @_;
	return $self->run($as, "$build/asnctl/asnctl", @arg);
}
# call(\%as, method, busctl's signature and arguments...)
sub call {
	my ($self, $as, $method, @arg) = @_;
	return $self->run($as, 'busctl', '--system', '--json=short', '--timeout=20', 'call',
		'org.asnd1', '/org/asnd1', 'org.asnd1.Manager', $method, @arg);
}
# Waits until asnd answers.
sub ready {
	my ($self, $pair) = @_;
	return ($pair // $self->{pair})->wait_for('asnd on the bus', sub {
		my ($status) = $self->run({}, 'busctl', '--system', 'status', 'org.asnd1');
		return $status == 0;
	});
}
1;
