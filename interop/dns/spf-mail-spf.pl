#!/usr/bin/perl
# Checks the cases on standard input with Mail::SPF; one result a line on standard output.
use strict;
use warnings;
use JSON::PP;
use Mail::SPF;
use Net::DNS;

package ZoneResolver;

sub new { my ($class) = @_; return bless { zone => {} }, $class }
sub errorstring { return 'SERVFAIL' }

# Replaces Net::DNS::Resolver: answers from the case's zone.
sub send {
    my ($self, $name, $type, $class) = @_;
    my $packet = Net::DNS::Packet->new($name, $type, 'IN');
    my $records = $self->{zone}{lc $name};
    if (!defined $records) { $packet->header->rcode('NXDOMAIN'); return $packet }
    if ($records->{fail}) { $packet->header->rcode('SERVFAIL'); return $packet }
    for my $value (@{ $records->{$type} || [] }) {
        my %data = $type eq 'MX' ? (preference => $value->[0], exchange => $value->[1])
            : $type eq 'PTR' ? (ptrdname => $value)
            : $type eq 'TXT' ? (txtdata => [$value])
            : (address => $value);
        $packet->push(answer => Net::DNS::RR->new(owner => $name, type => $type, ttl => 60, %data));
    }
    $packet->header->rcode('NOERROR');
    return $packet;
}

package main;

my $resolver = ZoneResolver->new;
my $server = Mail::SPF::Server->new(dns_resolver => $resolver, hostname => 'unknown');
my $json = JSON::PP->new->utf8->canonical;

while (my $line = <STDIN>) {
    my $case = $json->decode($line);
    $resolver->{zone} = $case->{zone};
    my ($result, $detail);
    eval {
        my $request = Mail::SPF::Request->new(
            versions => [1], scope => 'mfrom', identity => $case->{sender},
            ip_address => $case->{ip}, helo_identity => $case->{helo});
        my $outcome = $server->process($request);
        ($result, $detail) = ($outcome->code, $outcome->text);
        1;
    } or ($result, $detail) = ('error', "$@");
    print $json->encode({ result => $result, detail => $detail }), "\n";
}
