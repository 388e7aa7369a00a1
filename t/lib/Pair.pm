# SPDX-License-Identifier: GPL-2.0-or-later
# asnd and asnd-mailwatch on a Maildir tree of their own, for 2xxx-*.t and
# bench/: start, stop, deliver, move, ask the evidence and what is published.
package Pair;
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha256_base64);
use Fcntl qw(F_DUPFD);
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64;
use POSIX qw(:sys_wait_h strftime);
use Time::HiRes qw(time sleep);

my $top = dirname(dirname(dirname(abs_path(__FILE__))));
our $build = abs_path($ENV{ASND_BUILD} // "$top/build");
my $key = 'k' x 32;
my $seq = 0;

# as: command in front of a program, by its name.  Root becomes nobody: neither
# program is for root.
my $nobody = 65534;
my @nobody = $> == 0
    ? ('setpriv', "--reuid=$nobody", "--regid=$nobody", '--clear-groups', '--') : ();
sub new {
	my ($class, %opt) = @_;
	$opt{as} //= { asnd => [@nobody], 'asnd-mailwatch' => [@nobody] };
	my $dir = tempdir('asnd-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	my $self = bless { dir => $dir, as => $opt{as},
		owner => $> == 0 ? $nobody : undef,
		networks => $opt{networks} // 1, pid => {}, main => $$ }, $class;
	make_path(map { "$dir/$_" } qw(db state run mail log));
	chown $nobody, $nobody, map { "$dir/$_" } qw(db state run mail) if $> == 0;
	$self->spew('seal.key', "0 " . b64($key) . "\n");
	$self->spew('asnd.conf', <<"CONF");
[paths]
database-dir=$dir/db
state-dir=$dir/state
seal-key=$dir/seal.key
watch-socket=$dir/run/mailwatch.sock
[mail]
maildirs=$dir/mail/*/Maildir
host-names=mx.example.org
@{[ $opt{conf} // '' ]}
CONF
	$self->make_networks if $self->{networks};
	return $self;
}

sub b64 { encode_base64($_[0], '') }

sub spew {
	my ($self, $name, $text) = @_;
	open my $f, '>', "$self->{dir}/$name" or die "$name: $!";
	print $f $text;
	close $f or die "$name: $!";
}

sub make_networks {
	my ($self, $holder) = @_;
	system("$build/t/make-db", "$self->{dir}/db", 'networks', $holder // 'Example') == 0
	    or die 'make-db failed';
}

# --- processes ---------------------------------------------------------------
sub start {
	my ($self, $name, @options) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDERR, '>>', "$self->{dir}/log/$name" or die;
		open STDOUT, '>&', \*STDERR;
		$ENV{G_MESSAGES_DEBUG} = $ENV{PAIR_DEBUG} // '';
		# never the bus of this machine; Bus.pm gives it another one
		%ENV = (%ENV, DBUS_SYSTEM_BUS_ADDRESS => "unix:path=$self->{dir}/run/no-bus",
			%{ $self->{env}{$name} // {} });
		pass($self->{pass}{$name}) if $self->{pass}{$name};
		exec @{ $self->{as}{$name} // [] }, "$build/asnd/$name", '--config',
		    "$self->{dir}/asnd.conf", @options or POSIX::_exit(127);
	}
	$self->{pid}{$name} = $pid;
	return $pid;
}
# As systemd does (sd_listen_fds(3)): sockets from descriptor 3 on, in the
# process that will exec.  names: FileDescriptorName= of each, or undef.
sub pass {
	my ($what) = @_;
	my @kept = map { fcntl($_, F_DUPFD, 64) // die "dup: $!" } @{ $what->{sockets} };
	POSIX::dup2($kept[$_], 3 + $_) // die "dup2: $!" for 0 .. $#kept;
	POSIX::close($_) for @kept;
	@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, scalar @kept);
	$ENV{LISTEN_FDNAMES} = $what->{names} if defined $what->{names};
}
sub start_asnd {
	my ($self, @options) = @_;
	# kill -9 leaves the socket: wait for another one.
	my $which = sub { join ' ', (Time::HiRes::stat("$self->{dir}/run/mailwatch.sock"))[1, 10] };
	my $old = $which->();
	$self->start('asnd', @options);
	return $self->wait_for('asnd listens', sub { my $now = $which->(); $now ne '' && $now ne $old });
}
sub start_both {
	my ($self, @options) = @_;
	my $scans = $self->scans;
	$self->start_asnd(@options);
	$self->start('asnd-mailwatch');
	return $self->wait_for('the scan', sub { $self->scans > $scans });
}
# Returns (exit status as wait gives it, seconds it took).
sub stop {
	my ($self, $name, $signal) = @_;
	my $pid = delete $self->{pid}{$name} or return;
	my $from = time;
	kill $signal // 'TERM', $pid;
	waitpid $pid, 0;
	return ($?, time - $from);
}
sub stop_both { my $self = shift; $self->stop($_) for qw(asnd-mailwatch asnd) }
sub running {
	my ($self, $name) = @_;
	return waitpid($self->{pid}{$name}, WNOHANG) == 0;
}
sub DESTROY {
	my $self = shift;
	return if $$ != $self->{main};
	local $?;
	$self->stop_both;
}

sub wait_for {
	my ($self, $what, $cond, $seconds) = @_;
	my $end = time + ($seconds // 30);
	while (time < $end) {
		$self->{notify}->said if $self->{notify}; # a Notify: unread, its sender waits
		return 1 if $cond->();
		sleep 0.005;
	}
	print STDERR "# waited in vain for $what\n";
	print STDERR map { "# $_\n" } split /\n/, $self->log($_) for qw(asnd asnd-mailwatch);
	return 0;
}
sub log {
	my ($self, $name) = @_;
	open my $f, '<', "$self->{dir}/log/$name" or return '';
	local $/;
	return scalar <$f> // '';
}
sub scans { my @n = $_[0]->log('asnd') =~ /scan complete/g; scalar @n }
# Mails read by asnd since its start, as of its last scan.
sub last_read { my @n = $_[0]->log('asnd') =~ /mails known, (\d+) read/g; $n[-1] }

# --- mail ----------------------------------------------------------------------
sub folder {
	my ($self, $user, $folder) = @_;
	my $path = "$self->{dir}/mail/$user/Maildir" . ($folder eq '' ? '' : "/$folder");
	if (!-d "$path/cur") {
		make_path(map { "$path/$_" } qw(tmp new cur));
		my $owner = $self->{owner};
		chown $owner, $owner, "$self->{dir}/mail/$user", "$self->{dir}/mail/$user/Maildir",
		    map { "$path$_" } '', '/tmp', '/new', '/cur' if defined $owner;
	}
	return $path;
}
sub seal {
	my (%m) = @_;
	my $v = "v=1; k=0; t=$m{time}; ip=$m{ip}; q=$m{qid}; f=" . ($m{flagged} ? 1 : 0);
	my $mac = hmac_sha256_base64($v, $key);
	$mac .= '=' while length($mac) % 4;
	return "$v; b=$mac";
}
# A mail as text.  ip, time; flagged; unsealed; level that decided, says its header.
sub mail {
	my ($self, %m) = @_;
	$m{time} //= int time;
	$m{qid} //= sprintf '4X%05d', ++$seq;
	my $date = strftime('%a, %d %b %Y %H:%M:%S +0000', gmtime $m{time});
	my $seal = $m{unsealed} ? '' : 'X-ASN-Seal: ' . seal(%m) . "\n";
	$seal = sprintf("X-ASN-Spam: %s, score=%s threshold=0.900 level=%s spam=41.3 ham=0.8\n",
	    $m{flagged} ? ('Yes', '0.973') : ('No', '0.123'), $m{level}) . $seal if $m{level};
	return $seal . "Received: from helo.example (rdns.example [$m{ip}])\n"
	    . "\tby mx.example.org (Postfix) with ESMTP id $m{qid}\n\tfor <u\@example.org>; $date\n"
	    . "From: a\@example.net\nSubject: $m{qid}\n\nbody\n";
}
# As a delivery agent: tmp, then new.  Returns the name in new.
sub deliver {
	my ($self, $user, $folder, %m) = @_;
	my $path = $self->folder($user, $folder);
	my $name = $m{name} // sprintf '%d.M%dP%d.mx', $m{time} // time, ++$seq, $$;
	my $sub = $m{flags} ? 'cur' : 'new';
	my $final = $m{flags} ? "$name:2,$m{flags}" : $name;
	open my $f, '>', "$path/tmp/$name" or die "$path/tmp/$name: $!";
	print $f $self->mail(%m);
	close $f;
	chown $self->{owner}, $self->{owner}, "$path/tmp/$name" if defined $self->{owner};
	utime $m{time}, $m{time}, "$path/tmp/$name" if $m{time};
	rename "$path/tmp/$name", "$path/$sub/$final" or die $!;
	return "$sub/$final";
}
sub move {
	my ($self, $user, $from, $name, $to, $flags) = @_;
	my ($base) = $name =~ m{^(?:new|cur)/([^:]*)};
	my $new = "cur/$base:2," . ($flags // '');
	rename $self->folder($user, $from) . "/$name", $self->folder($user, $to) . "/$new"
	    or die "move $name: $!";
	return $new;
}

# --- what came of it -----------------------------------------------------------
# As the user of asnd: SQLite makes its files beside the database for a moment
# as whoever asks.
sub sql {
	my ($self, $sql) = @_;
	open my $p, '-|', @{ $self->{as}{asnd} }, 'sqlite3', '-cmd', '.timeout 2000', "$self->{dir}/state/evidence.sqlite", $sql
	    or die "sqlite3: $!";
	local $/;
	my $out = <$p> // '';
	close $p;
	$out =~ s/\n\z//;
	return $out;
}
# Entries of the journal: kind:class of each, in order.
sub journal { join ' ', split /\n/, $_[0]->sql("SELECT kind || ':' || class FROM votes ORDER BY id") }
# What is published for one address: { level => { spam, ham } }.
sub published {
	my ($self, $ip) = @_;
	open my $p, '-|', "$build/asnctl/asnctl", 'lookup', '--json', '--db', "$self->{dir}/db", $ip or die;
	local $/;
	my $out = <$p>;
	close $p;
	my $j = eval { decode_json($out) } or return {};
	return { map { $_->{level} => $_ } @{ $j->{levels} // [] } };
}
sub spam { my $n = published(@_)->{address}; $n ? $n->{spam} : 0 }
sub ham { my $n = published(@_)->{address}; $n ? $n->{ham} : 0 }
1;
