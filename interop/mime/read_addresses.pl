# Reads address fields, one JSON string a line, with Mail::Address; prints the addresses as one JSON array a line.
use strict;
use warnings;

# It warns of what is damaged.
local $SIG{__WARN__} = sub { };
use JSON::PP;
use Mail::Address;

my $json = JSON::PP->new->allow_nonref;
while (my $line = <STDIN>) {
    my $field = $json->decode($line);
    my @found = eval { map { $_->address } Mail::Address->parse($field) };
    print $json->encode([grep { /@/ } @found]), "\n";
}
