#!/usr/bin/perl
# Takes as much as it can get of tasks, of one processor and of memory, and says how much that was.
use strict;
use warnings;
use POSIX ();

$| = 1;
my @children;
while (@children < 100) {
  my $pid = fork;
  last unless defined $pid;
  if (!$pid) { sleep 600; exit }
  push @children, $pid;
}
print 'tasks ', scalar @children, "\n";
kill KILL => @children;
waitpid $_, 0 for @children;

# In ticks of a hundredth of a second.
my ($began, $user, $system) = POSIX::times();
my ($now, $user_now, $system_now) = ($began, $user, $system);
($now, $user_now, $system_now) = POSIX::times() while $now - $began < 400;
printf "processor %.2f\n", ($user_now + $system_now - $user - $system) / ($now - $began);

my @memory;
for my $megabytes (1 .. 160) {
  push @memory, 'x' x (1024 * 1024 + $megabytes);
  print "memory $megabytes\n" if $megabytes % 8 == 0;
}
print "nothing has stopped me\n";
