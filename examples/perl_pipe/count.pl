#!/usr/bin/perl
# count.pl MODEL TASK WIDTHxHEIGHT:yuv420 FILE: how many of what are in each frame.
use strict;
use warnings;
use IPC::Open2;
use JSON::PP;

my ($model, $task, $format, $file) = @ARGV;
my ($width, $height) = $format =~ /^(\d+)x(\d+):yuv420$/ or die "give frames as 640x480:yuv420\n";
my $size = $width * $height + 2 * int(($width + 1) / 2) * int(($height + 1) / 2);

open my $frames, '<:raw', $file or die "$file: $!\n";
my $program = open2(my $answers, my $to, 'edgequant-run', $model, '--task', $task, '--frames', $format, '--json');
binmode $to;
while (read($frames, my $frame, $size) == $size) {
    print $to $frame;
    $to->flush;
    my $answer = decode_json(scalar <$answers>);
    my %count;
    $count{ $_->{label} // "#$_->{index}" }++ for @{ $answer->{detections} };
    my $found = join ', ', map { "$count{$_} $_" } sort keys %count;
    print "frame $answer->{frame}: ", $found || 'nothing', "\n";
}
close $to;
waitpid $program, 0;
exit $? >> 8;
