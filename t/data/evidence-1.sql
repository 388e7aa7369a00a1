-- SPDX-License-Identifier: GPL-2.0-or-later
-- An evidence file as asnd 0.1.0 made it: its schema to the letter, and two
-- users with sealed and other mail (/v/a/Maildir, /v/b/Maildir; text is kept as
-- blobs).  For t-quality.c.
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT
  ROWID;
CREATE TABLE IF NOT EXISTS users(id INTEGER PRIMARY KEY, path BLOB UNIQUE NOT
  NULL, last_spam INTEGER NOT NULL DEFAULT 0, last_seen INTEGER NOT NULL
  DEFAULT 0);
CREATE INDEX IF NOT EXISTS users_spam ON users(last_spam);
CREATE TABLE IF NOT EXISTS folders(id INTEGER PRIMARY KEY, user INTEGER NOT
  NULL, name BLOB NOT NULL, place INTEGER NOT NULL DEFAULT 0, UNIQUE(user,
  name));
CREATE TABLE IF NOT EXISTS mails(id INTEGER PRIMARY KEY, user INTEGER NOT
  NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL, mtime INTEGER NOT NULL,
  base INTEGER NOT NULL, folder INTEGER NOT NULL, place INTEGER NOT NULL,
  came_from INTEGER NOT NULL, seen INTEGER NOT NULL, flags INTEGER NOT NULL,
  arrived INTEGER NOT NULL, state INTEGER NOT NULL, pending INTEGER NOT NULL,
  gone INTEGER NOT NULL, time INTEGER NOT NULL, due INTEGER NOT NULL, sealed
  INTEGER NOT NULL, flagged INTEGER NOT NULL, early INTEGER NOT NULL, lost
  INTEGER NOT NULL DEFAULT 0, lost_base INTEGER NOT NULL DEFAULT 0, anew
  INTEGER NOT NULL DEFAULT 0, digest BLOB, addr BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS mails_inode ON mails(user, ino, dev);
CREATE INDEX IF NOT EXISTS mails_digest ON mails(user, digest) WHERE digest IS
  NOT NULL;
CREATE INDEX IF NOT EXISTS mails_wanted ON mails(id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS mails_pending ON mails(user, id) WHERE pending = 1;
CREATE INDEX IF NOT EXISTS mails_due ON mails(user, due) WHERE due > 0;
CREATE INDEX IF NOT EXISTS mails_gone ON mails(gone) WHERE gone > 0;
CREATE TABLE IF NOT EXISTS entries(folder INTEGER NOT NULL, cur INTEGER NOT
  NULL, name BLOB NOT NULL, mail INTEGER NOT NULL, PRIMARY KEY(folder, cur,
  name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_mail ON entries(mail);
CREATE TABLE IF NOT EXISTS votes(id INTEGER PRIMARY KEY AUTOINCREMENT, kind
  INTEGER NOT NULL, ref INTEGER, user INTEGER NOT NULL, digest BLOB NOT NULL,
  class INTEGER NOT NULL, addr BLOB, asn INTEGER, country BLOB, prefix BLOB,
  mail_time INTEGER, vote_time INTEGER NOT NULL, day INTEGER, cap BLOB, weight
  INTEGER NOT NULL, sealed INTEGER, flagged INTEGER);
CREATE INDEX IF NOT EXISTS votes_mail ON votes(user, digest, id);
CREATE INDEX IF NOT EXISTS votes_cap ON votes(user, day, class, cap) WHERE
  kind = 1;
CREATE INDEX IF NOT EXISTS votes_time ON votes(vote_time);
PRAGMA user_version=1;
-- 1800000000 is in the week that began on Monday 1799625600, number 2976.
INSERT INTO meta VALUES(x'696e7374616c6c5f74696d65', 1790000000), (x'66697273745f72756e5f646f6e65', 1);
INSERT INTO users VALUES(1, x'2f762f612f4d61696c646972', 1800000000, 1800000000),
  (2, x'2f762f622f4d61696c646972', 0, 1800000000);
INSERT INTO folders VALUES(1, 1, x'', 1), (2, 1, x'2e4a756e6b', 2), (3, 2, x'', 1);
-- id user dev ino mtime base folder place came_from seen flags arrived state
-- pending gone time due sealed flagged early lost lost_base anew digest addr
INSERT INTO mails VALUES
  -- sealed, flagged, lies in Junk
  (1,1,1,11,1799990000,1,2,2,0,2,0,1799990000,1,0,0,1799990000,0,1,1,0,0,0,0,
   x'01010101010101010101010101010101', NULL),
  -- sealed, not flagged, and a copy of it
  (2,1,1,12,1799990000,2,1,1,0,1,0,1799990000,1,0,0,1799990000,0,1,0,0,0,0,0,
   x'02020202020202020202020202020202', NULL),
  (3,1,1,13,1799990000,3,1,1,0,1,0,1799990000,1,0,0,1799990000,0,1,0,0,0,0,0,
   x'02020202020202020202020202020202', NULL),
  -- the same seal at another user's
  (4,2,1,14,1799990000,4,3,1,0,1,0,1799990000,1,0,0,1799990000,0,1,0,0,0,0,0,
   x'02020202020202020202020202020202', NULL),
  -- not sealed; and sealed, in the week before, by a clock that was ahead
  (5,2,1,15,1799990000,5,3,1,0,1,0,1799990000,1,0,0,1799990000,0,0,0,1,0,0,0,
   x'05050505050505050505050505050505', NULL),
  (6,2,1,16,1799625599,6,3,1,0,1,0,1799625599,1,0,0,1799625599,0,1,1,0,0,0,0,
   x'06060606060606060606060606060606', NULL),
  -- not read yet
  (7,2,1,17,1799990000,7,3,1,0,1,0,1799990000,0,1,0,0,0,0,0,0,0,0,0,NULL,NULL);
-- id kind ref user digest class addr asn country prefix mail_time vote_time
-- day cap weight sealed flagged
INSERT INTO votes VALUES
  -- spam on the second mail; ham on the first, taken back, and cast again
  (1,1,NULL,1,x'02020202020202020202020202020202',1,NULL,0,x'',NULL,1799990000,
   1799991000,20833,x'4e',1,1,0),
  (2,1,NULL,1,x'01010101010101010101010101010101',2,NULL,0,x'',NULL,1799990000,
   1799992000,20833,x'4e',1,1,1),
  (3,2,2,1,x'01010101010101010101010101010101',2,NULL,NULL,NULL,NULL,NULL,
   1799993000,NULL,NULL,0,NULL,NULL),
  (4,1,NULL,1,x'01010101010101010101010101010101',2,NULL,0,x'',NULL,1799990000,
   1799994000,20833,x'4e',1,1,1),
  -- a mail that is gone, voted spam; one that was never sealed
  (5,1,NULL,2,x'08080808080808080808080808080808',1,NULL,0,x'',NULL,1799625600,
   1799995000,20833,x'4e',0,1,0),
  (6,1,NULL,2,x'05050505050505050505050505050505',1,NULL,0,x'',NULL,1799990000,
   1799996000,20833,x'4e',1,0,0);
