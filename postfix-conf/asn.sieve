# For Sieve (Dovecot Pigeonhole, Cyrus): files mail that asn-milter flagged
# into the folder Junk.  One user: put it into the active script.  Everybody:
# sieve_before in Dovecot's 90-sieve.conf, then run sievec on this file.
#
# Who forges a Yes only files his own mail into Junk; a forged No changes
# nothing.  ":create" makes the folder if missing.

require ["fileinto", "mailbox"];

if header :matches "X-ASN-Spam" "Yes*" {
    fileinto :create "Junk";
    stop;
}
