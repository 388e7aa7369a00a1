# For Sieve (Dovecot Pigeonhole, Cyrus): files mail that asn-milter flagged
# into the folder Junk.  One user: put it into the active script.  Everybody:
# sieve_before in Dovecot's 90-sieve.conf, then run sievec on this file.
#
# The milter takes out every X-ASN-Spam that came from outside before it puts
# in its own, so nobody can forge it.  ":create" makes the folder if missing.

require ["fileinto", "mailbox"];

if header :matches "X-ASN-Spam" "Yes*" {
    fileinto :create "Junk";
    stop;
}
