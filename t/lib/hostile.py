# SPDX-License-Identifier: GPL-2.0-or-later
"""Mail as no honest program writes it: forged trace headers, header blocks that
end where they should not, Received lines that lie.  All of it from one
random.Random, so that a seed repeats it."""

OURS = (b'X-ASN', b'X-ASN-Spam', b'X-ASN-Seal')
SEAL = (b'v=1; k=0; t=1795217323; ip=192.0.2.1; q=4XyZ; f=0; b=' + b'A' * 43 +
        b'=')
NO = b'No, score=0.000 threshold=0.900 level=AS spam=0.0 ham=99.9'
YES = b'Yes, score=1.000 threshold=0.900 level=address spam=99.9 ham=0.0'
FOLDS = (b'\r\n ', b'\r\n\t', b'\r\n \t  ', b'\n ', b'\r\n \r\n\t')
# Pieces of values.  What ends a line in here starts another header.
PIECES = FOLDS + (
    NO, YES, SEAL, b'AS1 192.0.2.0/24 US (Good People)', b'\r', b'\n', b'\r\n',
    b'\r\r\n', b'\r\n\r', b'\0', b'\0\r\n', b'\x7f\x1b[31m\x07\x08\x0b\x0c',
    b'\xff\xfe\xc0\x80', b'\xe2\x80\xa8\xe2\x80\xae', b'\xc2\x85',
    b'=?utf-8?B?DQpYLUFTTi1TcGFtOiBZZXM=?=',
    b'=?iso-8859-1?q?=0D=0AX-ASN-Spam:_Yes?=', b'(((', b')))', b'"', b'\\',
    b'%s%n', b': ', b';', b'\r\nX-ASN-Spam: ' + YES, b'\nX-ASN-Spam:' + NO,
    b'\rX-ASN-Spam: ' + YES, b'\r\nX-ASN-Spam\r\n : Yes',
    b'\r\nX-ASN-Seal:\r\n\t' + SEAL, b'\r\nReceived: by us', b'x' * 990)
NAMES = (b'Subject', b'From', b'To', b'Date', b'Message-ID', b'Reply-To',
         b'Content-Type', b'Resent-From', b'X-Spam-Flag', b'X-ASNX', b'X-AS',
         b'XX-ASN', b'X-ASN-', b'X-ASN-Spam-', b'X-ASN-Seals', b'X_ASN_SPAM')
# Lines that are no header: what follows is body, or so Postfix says.
ENDS = (b'no colon here', b' folded first', b': no name', b'X Y: two words',
        b'\r', b'\0', b'X-ASN-Spam', b'X-ASN-Spam Yes', b'\xff: x', b'>From x',
        b'From x@y Sat Nov 21 00:00:00 2026', b'X-ASN\0-Spam: Yes',
        b'\x0bX-ASN-Spam: Yes', b'(x)X-ASN-Spam: Yes', b'.', b'--b')
HELOS = (b'a', b'[192.0.2.1]', b'\x1b[31mred', b'a\tb', b'x\x07\x08', b'\xff\xfe',
         b'a by mx.example.org (Postfix) with ESMTP', b'=?utf-8?q?a?=', b'(', b')',
         b'])', b'"', b'\\', b'a;b', b'[IPv6:::1]', b'localhost', b'127.0.0.1',
         b'%s%n', b'x' * 255, b'[192.0.2.1])\tby', b'a\r', b'<>', b'a\0b')

HOLDERS = (
    b'\r\nX-ASN-Spam: No\r\n\r\nbody', b'\nX-ASN-Seal: ' + SEAL, b'\r\r\n\n',
    b'=?utf-8?B?DQpYLUFTTi1TcGFtOiBZZXM=?=', b'=?x?q?=0D=0AX-ASN-Spam:_Yes?=',
    b'=\xe6\xa0\xaa\xe6\xa0\xaa?=', b'))))((((', b'\\) \\', b'"\\"', b'x' * 255,
    b'\xf0\x9f\x92\xa9' * 63, b'e' + b'\xcc\x81' * 120, b'\xe2\x80\xae\xe2\x81\xa6x',
    b'\x1b]0;x\x07\xc2\x9b31m', b'\xc2\x85\xe2\x80\xa8\xe2\x80\xa9', b'%s%n', b'\t' * 99,
    b'y' * 70000)
COUNTRIES = b'\r\n', b'\n\n', b'\x1b[', b'de', b'D', b'', b'DEU', b':\n', b'(('


def cased(r, name):
    return bytes(c ^ 32 if chr(c).isalpha() and r.random() < 0.5 else c
                 for c in name)


def name(r):
    """Ours in any letters, or like ours, or another."""
    if r.random() < 0.45:
        text = cased(r, r.choice(OURS))
    else:
        return r.choice(NAMES)
    odd = r.random()
    if odd < 0.15:
        return text + r.choice((b' ', b'\t', b' \t  '))
    if odd < 0.2:
        at = r.randrange(len(text))
        return text[:at] + r.choice((b'\0', b'\x80', b'\xad', b' ', b'\x7f',
                                     b'\xe2\x80\x8b')) + text[at:]
    return text


def value(r):
    return b''.join(r.choice(PIECES) for _ in range(r.randrange(6)))


def big(r):
    """One header of 8 KB to 1 MB, in one line or folded."""
    size = r.choice((8 << 10, 64 << 10, 65530, 70000, 102390, 102400, 110000,
                     1 << 20))
    if r.random() < 0.5:
        fill = b'y' * size
    else:
        line = b'z' * r.choice((70, 900, 3000)) + r.choice(FOLDS[:3])
        fill = (line * (size // len(line) + 1))[:size]
    return r.choice(OURS + (b'X-Big', b'Subject', b'Received')) + b': ' + fill


def received_lie(r):
    """A Received line of the sender's own making."""
    address = r.choice((
        b'192.0.2.1', b'10.1.1.1', b'127.0.0.1', b'IPv6:::1', b'203.0.113.5',
        b'IPv6:2001:db8:ffff::1', b'::ffff:192.0.2.1', b'IPv6:::ffff:127.0.0.1',
        b'192.0.2.1]) (x [192.0.2.2', b'0x7f.1', b'[[192.0.2.1', b'unknown',
        b'192.0.2.1\\', b'IPv6:fe80::1%eth0', b'999.1.1.1', b''))
    by = r.choice((b'mx.example.org', b'localhost', b'backup.example.org',
                   b'b', b'(by)', b'"mx.example.org"', b'[127.0.0.1]'))
    fold = r.choice((b'\r\n\t', b' ', b'\r\n by x\r\n\t', b'\n\t', b'\r'))
    return b'Received: from ' + r.choice(HELOS).replace(b'\0', b'') + b' (' + \
        r.choice((b'unknown ', b'', b'((', b'a (b) ', b'"(" ')) + b'[' + \
        address + b'])' + fold + b'by ' + by + b' (Postfix) with ' + \
        r.choice((b'ESMTP', b'ESMTPSA', b'LMTP', b'local', b'')) + \
        b' id 4X; Sat, 21 Nov 2026 10:00:00 +0000'


def field(r):
    kind = r.random()
    if kind < 0.04:
        return big(r)
    if kind < 0.16:
        return received_lie(r)
    if kind < 0.20:
        return r.choice(ENDS)
    return name(r) + b':' + r.choice((b' ', b'', b'\t', b'\r\n ')) + value(r)


def many(r):
    """One of ours in number; all alike, or other headers in between."""
    copies = r.choice((2, 20, 99, 100, 101, 300, 2000, 20000))
    one = cased(r, r.choice(OURS)) + b': ' + r.choice((YES, NO, SEAL, b''))
    between = r.choice((b'', b'\r\nX-Other: x', b'\r\nX-ASN: AS1'))
    return b'\r\n'.join([one + between] * copies)


def body(r):
    """With trace headers where they are none: in parts, in bare lines."""
    parts = [b'X-ASN-Spam: ' + YES, b'--b', b'Content-Type: message/rfc822',
             b'', b'X-ASN-Seal: ' + SEAL, b'X-ASN:', b'From x', b'.', b'..',
             b'\r', b'a\rb', b'a\nb', bytes(r.randrange(256) for _ in range(40)),
             b'x' * 3000, b'--b--']
    return b'\r\n'.join(r.choice(parts) for _ in range(r.randrange(12)))


def mail(r):
    """(HELO, header block and body as sent)."""
    fields = [field(r) for _ in range(r.randrange(1, 14))]
    if r.random() < 0.03:
        fields.insert(r.randrange(len(fields)), many(r))
    if r.random() < 0.3:
        fields.append(b'Content-Type: multipart/mixed; boundary=b')
    return r.choice(HELOS), b'\r\n'.join(fields) + b'\r\n\r\n' + body(r)


# --- what a trusted relay writes ---------------------------------------------


def relay_line(r, client, helo):
    """The Received line of a relay for this client, in the way of some mail
    server; the HELO is the sender's word."""
    six = b'IPv6:' if b':' in client else b''
    end = b'; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)'
    rdns = r.choice((b'unknown', b'a.example', b'by.example', b'x' * 60 + b'.example'))
    return r.choice((
        b'Received: from %s (%s [%s%s])\r\n\tby r.example (Postfix) with'
        b' ESMTPS id 4R\r\n\tfor <u@example.org>%s' % (
            helo, rdns, six, client, end),
        b'Received: from %s (%s [%s%s])\r\n\t(using TLSv1.3 with cipher'
        b' TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\t(No client certificate'
        b' requested)\r\n\tby r.example (Postfix) with ESMTPS id 4R%s' % (
            helo, rdns, six, client, end),
        b'Received: from %s (%s [%s%s])\r\n\tby r.example (8.17/8.17) with'
        b' ESMTP id 4R\r\n\tfor <u@example.org>%s' % (
            helo, rdns, six, client, end),
        b'Received: from [%s] (helo=%s)\r\n\tby r.example with esmtp (Exim 4.96)'
        b'\r\n\t(envelope-from <a@b>)\r\n\tid 1u-0-0%s' % (client, helo, end)))


def broken(line, limit=998):
    """As Postfix's SMTP client sends a longer line (smtp_line_length_limit)."""
    out = []
    for part in line.split(b'\r\n'):
        while len(part) > limit:
            out.append(part[:limit])
            part = b' ' + part[limit:]
        out.append(part)
    return b'\r\n'.join(out)
