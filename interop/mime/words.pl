#!/usr/bin/perl
# Decodes encoded-words with MIME::Words of MIME-tools. Input: JSON strings, one a line; prints one JSON object a line.
use strict;
use warnings;
use Encode qw(decode find_encoding);
use JSON::PP;
use MIME::Words qw(decode_mimewords);

my $json = JSON::PP->new->ascii->canonical->allow_nonref;
while (defined(my $line = <STDIN>)) {
  my $value = $json->decode($line);
  $value =~ s/\r\n//g;
  my $text = eval {
    join '', map {
      my ($octets, $charset) = @$_;
      my $encoding = find_encoding(defined $charset ? $charset : 'latin1');
      $encoding ? $encoding->decode($octets) : $octets;
    } decode_mimewords($value);
  };
  print $json->encode(defined $text ? { text => $text } : { error => "$@" }), "\n";
}
