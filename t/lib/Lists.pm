# SPDX-License-Identifier: GPL-2.0-or-later
# What a list of networks says of an address, asked of the program that the list
# is for: each of these takes a file that asnctl wrote and a list of addresses,
# and returns a hash of what was found, by address.
package Lists;
use strict;
use warnings;
use Exporter qw(import);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use Socket qw(AF_INET AF_INET6 inet_ntop inet_pton);
use Time::HiRes qw(time);
our @EXPORT = qw(bits inside neighbours postfix_says rbldnsd_says nft_says
    mmdb_says);

my $tmp = tempdir(CLEANUP => 1);

sub put {
	my ($file, $text) = @_;
	open my $f, '>', $file or die "$file: $!";
	print $f $text;
	close $f or die "$file: $!";
	return $file;
}

# --- addresses --------------------------------------------------------------

sub packed { inet_pton($_[0] =~ /:/ ? AF_INET6 : AF_INET, $_[0]) // die "no address: $_[0]" }

sub text { inet_ntop(length $_[0] == 4 ? AF_INET : AF_INET6, $_[0]) }

# The first bits of a network, or all of an address; families kept apart.
sub bits {
	my ($addr, $len) = split m{/}, $_[0];
	my $bits = unpack 'B*', packed($addr);
	return ($addr =~ /:/ ? '6' : '4') . substr $bits, 0, $len // length $bits;
}

# A random address of a network, or (host bits of 0 or 1) its first or last one.
sub inside {
	my ($net, $fill) = @_;
	my $bits = bits($net);
	my $family = substr $bits, 0, 1, '';
	$bits .= $fill // int rand 2 while length $bits < ($family == 6 ? 128 : 32);
	return text(pack 'B*', $bits);
}

sub step {
	my ($addr, $by) = @_;
	my @byte = unpack 'C*', packed($addr);
	for my $b (reverse @byte) {
		$b = ($b + $by) & 255;
		last unless $b == ($by > 0 ? 0 : 255);
	}
	return text(pack 'C*', @byte);
}

# Both ends of a network, what lies beyond them, and some of it.
sub neighbours {
	my ($net) = @_;
	my ($first, $last) = (inside($net, 0), inside($net, 1));
	return (step($first, -1), $first, inside($net), $last, step($last, 1));
}

# --- postmap ----------------------------------------------------------------

# Dies when postmap has anything to complain about.
sub postfix_says {
	my ($file, @addr) = @_;
	mkdir "$tmp/postfix";
	put("$tmp/postfix/main.cf", "compatibility_level = 3.6\n");
	put("$tmp/keys", join '', map { "$_\n" } @addr);
	my @lines = `postmap -c '$tmp/postfix' -q - 'cidr:$file' < '$tmp/keys' 2> '$tmp/err'`;
	die 'postmap: ', `cat '$tmp/err'` if -s "$tmp/err";
	chomp @lines;
	return { map { split /\t/, $_, 2 } @lines };
}

# --- rbldnsd ----------------------------------------------------------------

sub dns_name {
	my ($addr) = @_;
	my $labels = $addr =~ /:/
	    ? join '.', reverse split //, unpack 'H*', packed($addr)
	    : join '.', reverse split /\./, $addr;
	return "$labels.list.test";
}

sub dns_query {
	my ($id, $name, $type) = @_;
	return pack('n6', $id, 0, 1, 0, 0, 0)
	    . join('', map { pack 'C/a*', $_ } split(/\./, $name), '') . pack 'n2', $type, 1;
}

# The TXT of the first answer; undef: none.
sub dns_text {
	my ($reply) = @_;
	my ($flags, $answers) = unpack 'x2 n x2 n', $reply;
	die sprintf 'rcode %d', $flags & 15 if ($flags & 15) != 0 && ($flags & 15) != 3;
	return undef unless $answers;
	my $at = 12;
	$at += 1 + ord substr $reply, $at, 1 while ord substr $reply, $at, 1;
	return unpack 'C/a*', substr $reply, $at + 5 + 12;
}

# Asks until the server is up and answers.
sub ask_rbldnsd {
	my ($port, $name) = @_;
	my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1', PeerPort => $port)
	    or die "socket: $!";
	for my $try (1 .. 100) {
		$socket->send(dns_query($try, $name, 16));
		next unless IO::Select->new($socket)->can_read(0.2);
		defined $socket->recv(my $reply, 4096) or do { select undef, undef, undef, 0.05; next };
		return dns_text($reply);
	}
	die "rbldnsd does not answer: ", `cat '$tmp/rbldnsd.log'`;
}

sub free_port {
	my $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "socket: $!";
	return $s->sockport;
}

sub rbldnsd_says {
	my ($file, @addr) = @_;
	my $port = free_port();
	my %found;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', "$tmp/rbldnsd.log" or die;
		open STDERR, '>&', \*STDOUT or die;
		exec 'rbldnsd', '-n', '-b', "127.0.0.1/$port", "list.test:combined:$file" or die;
	}
	for my $addr (@addr) {
		my $text = eval { ask_rbldnsd($port, dns_name($addr)) };
		if ($@) { kill 'TERM', $pid; waitpid $pid, 0; die $@ }
		$found{$addr} = $text if defined $text;
	}
	kill 'TERM', $pid;
	waitpid $pid, 0;
	open my $log, '<', "$tmp/rbldnsd.log" or die;
	my @complaints = grep { /warn|error|invalid|unrecognized/i } <$log>;
	die "rbldnsd: @complaints" if @complaints;
	return \%found;
}

# --- nft --------------------------------------------------------------------

# In a network namespace of its own: first another list, then the file twice
# over it; one element asked for at a time.
sub nft_says {
	my ($file, $before, @addr) = @_;
	my $script = join '', map { sprintf "nft get element inet asnd flagged%d '{ %s }' >/dev/null 2>&1 && echo %s\n", /:/ ? 6 : 4, $_, $_ } @addr;
	put("$tmp/nft.sh", "set -e\nnft -c -f '$file'\nnft -f '$before'\nnft -f '$file'\nnft -f '$file'\nset +e\n${script}exit 0\n");
	my @found = `unshare -n sh '$tmp/nft.sh' 2> '$tmp/err'`;
	die 'nft: ', `cat '$tmp/err'` if $? || -s "$tmp/err";
	chomp @found;
	return { map { $_ => 1 } @found };
}

# --- mmdblookup -------------------------------------------------------------

sub mmdb_says {
	my ($file, @addr) = @_;
	my %found;
	for my $addr (@addr) {
		my $said = `mmdblookup --file '$file' --ip '$addr' autonomous_system_number 2>&1`;
		$found{$addr} = $1 if $said =~ /^\s*(\d+) <uint32>/m;
		die "mmdblookup: $said" unless defined $found{$addr} || $said =~ /Could not find an entry/;
	}
	return \%found;
}

1;
