#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# import-peer.pl: MaxMind::DB::Writer on the records of an import, as yardstick
# for the size of the file.
#   import-peer.pl FILE.tsv OUT.mmdb RECORD-SIZE
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my ($tsv, $out, $bits) = @ARGV;
my %type = (
    autonomous_system_number       => 'uint32',
    autonomous_system_organization => 'utf8_string',
    country                        => 'utf8_string',
    prefix_length                  => 'uint16',
);
my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version               => 6,
    record_size              => $bits,
    database_type            => 'asnd-ASN (compat=GeoLite2-ASN)',
    languages                => ['en'],
    description              => { en => 'peer' },
    alias_ipv6_to_ipv4       => 1,
    remove_reserved_networks => 0,
    map_key_type_callback    => sub { $type{ $_[0] } },
);
open my $in, '<:encoding(UTF-8)', $tsv or die "$tsv: $!\n";
while (<$in>) {
    chomp;
    my ($net, $asn, $name, $cc, $len) = split /\t/, $_, -1;
    next if $net =~ /^2001::\/32/;    # an alias in this writer
    my %r = (prefix_length => $len);
    $r{autonomous_system_number}       = $asn  if $asn;
    $r{autonomous_system_organization} = $name if $asn && length $name;
    $r{country}                        = $cc   if length $cc;
    if (keys %r == 1) { $tree->remove_network($net) }
    else              { $tree->insert_network($net, \%r) }
}
open my $fh, '>:raw', $out or die "$out: $!\n";
$tree->write_tree($fh);
close $fh or die "$out: $!\n";
