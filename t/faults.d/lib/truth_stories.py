# SPDX-License-Identifier: GPL-2.0-or-later
"""What chance brings once in many runs and once was wrong: told to each."""
import base64
import hashlib
import hmac

CLIENT = '198.18.9.9'


class Stories:
    def __init__(self, world, script, check):
        self.world, self.script, self.check = world, script, check

    def tell(self):
        self.filed_twice()
        self.check.settle('the stories')

    def sealed(self, user, folder, queue_id, flagged):
        """A mail of now, as the milter sealed it."""
        world = self.world
        when = int(world.now())
        said = 'v=1; k=0; t=%d; ip=%s; q=%s; f=%d' % (
            when, CLIENT, queue_id, flagged)
        mac = hmac.new(world.key, said.encode(), hashlib.sha256).digest()
        seal = '%s; b=%s' % (said, base64.b64encode(mac).decode())
        letter = world.letter(user, seal, time=when, ip=CLIENT, votes=True,
                              sealed=True, flagged=flagged, early=False)
        text = 'X-ASN-Seal: %s\nSubject: %s\n\nHello.\n' % (seal, queue_id)
        return world.adopt(*world.write_file(user, folder, text.encode()),
                           letter)

    def filed_twice(self):
        """What we flagged comes to Junk and within two minutes to another
        folder, too, where its owner moves it on: that one never was in Junk,
        nor is this an act of who took it out of there.  The other one is."""
        world, users = self.world, []
        for n in range(2):
            user = self.script.new_user()
            file = self.sealed(user, '.Junk', '4Story%d' % n, True)
            self.check.settle('filed twice: Junk')
            new = world.adopt(*world.copy_file(file, user, '.Work'),
                              file.letter)
            users.append((user, file, new))
            if n == 0:
                world.delete_file(file)
        self.check.settle('filed twice: both')
        for user, file, new in users:
            world.move_file(new, '.Lists')
        self.check.settle('filed twice: one moves on')
        world.move_file(users[1][1], '')
        self.check.settle('filed twice: the other leaves Junk')
