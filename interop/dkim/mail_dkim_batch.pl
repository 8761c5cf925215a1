#!/usr/bin/perl
# Signs and verifies with Mail::DKIM: one JSON request a line on standard input, one JSON answer a line on
# standard output. The requests are those of dkimpy_batch.py; "verify" and "sign" (RSA) are known.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use Net::DNS::RR;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;

my $zone = {};
{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ( $name, $type ) = @_;
        my $record = $zone->{ lc $name };
        return unless defined $record;
        my @strings = $record =~ /(.{1,255})/gs;
        return Net::DNS::RR->new( owner => $name, type => 'TXT', txtdata => \@strings );
    };
}

# Mail::DKIM wants whole lines with CRLF.
sub feed {
    my ( $mail, $message ) = @_;
    $mail->PRINT($_) for $message =~ /([^\n]*\n|[^\n]+)/g;
    $mail->CLOSE;
}

sub verify_all {
    my ( $request, $message ) = @_;
    $zone = $request->{zone};
    my $verifier = Mail::DKIM::Verifier->new;
    feed( $verifier, $message );
    my @signatures = $verifier->signatures;
    return 'none' unless @signatures;
    for (@signatures) { return $_->result_detail if $_->result ne 'pass' }
    return 'pass';
}

sub sign_one {
    my ( $request, $message ) = @_;
    my $key = $request->{key} =~ s/-----[^\n]*-----|\s//gr;
    my $signer = Mail::DKIM::Signer->new(
        Algorithm => 'rsa-sha256',
        Method    => join( '/', @{ $request->{canon} } ),
        Domain    => $request->{domain},
        Selector  => $request->{selector},
        Key       => Mail::DKIM::PrivateKey->load( Data => $key ),
    );
    feed( $signer, $message );
    return encode_base64( $signer->signature->as_string . "\r\n", '' );
}

$| = 1;
while ( my $line = <STDIN> ) {
    my $request = decode_json($line);
    my $message = decode_base64( $request->{message} );
    my $result  = eval { $request->{do} eq 'sign' ? sign_one( $request, $message ) : verify_all( $request, $message ) };
    $result = "error: $@" unless defined $result;
    print encode_json( { result => $result } ), "\n";
}
