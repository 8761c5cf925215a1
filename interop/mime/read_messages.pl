#!/usr/bin/perl
# Reads messages with MIME::Parser and prints one JSON object a line.
# Input: for each message its length in octets, a line break, and its octets.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Encode qw(decode);
use JSON::PP;
use MIME::Parser;

binmode STDIN;
my $json = JSON::PP->new->ascii->canonical;
my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->tmp_to_core(1);
$parser->extract_nested_messages(0);
$parser->decode_headers(0);

sub unfolded { my ($text) = @_; $text =~ s/\r?\n(?=[ \t])//g; $text =~ s/\r?\n\z//; return $text }

# MIME::Decoder writes the line ends of this machine for text in some encodings and CRLF in others.
sub content {
  my ($entity) = @_;
  return '' if !$entity->bodyhandle || $entity->effective_type eq 'message/rfc822';
  my $content = $entity->bodyhandle->as_string;
  $content =~ s/\r\n/\n/g if $entity->effective_type =~ m{^text/(?:plain|html)$};
  return $content;
}

sub leaves {
  my ($entity) = @_;
  my @parts = $entity->parts;
  return map { leaves($_) } @parts if @parts;
  my $name = $entity->head->recommended_filename;
  return {
    type => $entity->effective_type,
    filename => defined $name ? $name : undef,
    sha => sha256_hex(content($entity)),
    words => [content($entity) =~ /w\d+x/g],
  };
}

while (defined(my $length = <STDIN>)) {
  chomp $length;
  read(STDIN, my $octets, $length) == $length or die 'short input';
  my $entity = eval { $parser->parse_data($octets) };
  if (!$entity) { print $json->encode({ error => "$@" }), "\n"; next }
  my $subject = $entity->head->get('Subject', 0);
  print $json->encode({
    subject => defined $subject ? decode('MIME-Header', unfolded($subject)) : undef,
    parts => [leaves($entity)],
    warnings => [map { "$_" } $parser->results->errors],
  }), "\n";
}
