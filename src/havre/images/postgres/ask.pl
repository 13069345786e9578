#!/usr/bin/perl
# havre-ask URL PEER SECONDS: asks PEER by HTTP as if it were the host of URL. Redirects are not followed.
# Writes the status, a line feed, and what was answered; the status 599 is no answer, and what follows is why.
use strict;
use warnings;
use HTTP::Tiny;

my ($url, $peer, $seconds) = @ARGV;
my $client = HTTP::Tiny->new(agent => 'havre', max_redirect => 0, max_size => 512 * 1024, timeout => $seconds);
my $answer = $client->get($url, { peer => $peer });
binmode STDOUT;
print "$answer->{status}\n$answer->{content}";
