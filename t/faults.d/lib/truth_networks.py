# SPDX-License-Identifier: GPL-2.0-or-later
"""Who owns which address, in several versions that replace each other, and
the clients that send mail."""
import ipaddress
import os

BLOCKS = 48


def origin(tables, address):
    """(AS number, country, prefix) by longest match, by our own search."""
    address = ipaddress.ip_address(address)
    best = None
    for net, asn, country in tables:
        if net.version == address.version and address in net and (
                best is None or net.prefixlen > best[0].prefixlen):
            best = net, asn, country
    return (best[1], best[2], str(best[0])) if best else (0, '', '')


class Networks:
    def __init__(self, world, rng):
        self.world, self.rng = world, rng
        self.memo = {}
        self.clients = self.make_clients()

    def make_clients(self):
        rng, clients = self.rng, []
        for block in range(BLOCKS):
            for _ in range(rng.choice((1, 3, 6))):
                clients.append('198.18.%d.%d' % (block, rng.randrange(1, 255)))
        for net in range(12):
            for _ in range(rng.choice((1, 3))):
                # two in one /64 are one address to the score
                clients.append(str(ipaddress.ip_address(
                    '2001:db8:%x::' % net) + (rng.randrange(3) << 64)
                    + rng.randrange(1, 9)))
        return sorted(set(clients))

    def make_table(self):
        """A version of the world: prefixes of several lengths, nested ones,
        countries that are unknown, blocks that nobody announces."""
        rng = self.rng
        table = [(ipaddress.ip_network('198.18.0.0/17'), 64500, 'DE')] \
            if rng.random() < 0.5 else []
        block = 0
        while block < BLOCKS:
            length = rng.choice((24, 24, 23, 22, 25))
            step = max(1, 2 ** (24 - length))
            block -= block % step
            if rng.random() < 0.9:
                table.append((ipaddress.ip_network(
                    '198.18.%d.0/%d' % (block, length)),
                    rng.randrange(64496, 64520),
                    rng.choice(('DE', 'NL', 'FR', 'AT', ''))))
            block += step
        for net in range(12):
            if rng.random() < 0.9:
                table.append((ipaddress.ip_network('2001:db8:%x::/%d' % (
                    net, rng.choice((48, 56)))),
                    rng.randrange(64520, 64526), rng.choice(('CH', ''))))
        return table

    def origin(self, number, table, address):
        key = number, address
        if key not in self.memo:
            self.memo[key] = origin(table, address)
        return self.memo[key]

    def compile(self, table, path):
        text = ''.join('%s\t%d\tHolder %d\t%s\n' % (net, asn, asn, country)
                       for net, asn, country in table)
        source = self.world.write('networks.tsv', text)
        self.world.run(self.world.path('bin/asnctl'), 'import', '-o', path,
                       source)

    def put(self, content):
        """As every writer of ours does: aside, then rename."""
        world = self.world
        with open(world.write('db/aside', ''), 'wb') as f:
            f.write(content)
        os.rename(world.path('db/aside'), world.path('db/networks.mmdb'))
