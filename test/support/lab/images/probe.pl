#!/usr/bin/perl
# Says how it finds itself (one line `probe {JSON}` on stdout), then behaves as PROBE_MODE says:
#   (unset)      says READY=1 and runs until SIGTERM, then ends with status 0
#   crash        ends with status PROBE_STATUS (3) at once          late-crash   the same, a second after READY=1
#   hang         never says READY=1                                 deaf         ignores SIGTERM
#   watchdog     says WATCHDOG=1 twice as often as it has to
# PROBE_WRITE names paths, separated by `:`, that it tries to write to.
use strict;
use warnings;
use Cwd ();
use Socket;

$| = 1;
my $mode = $ENV{PROBE_MODE} // '';
my $status = $ENV{PROBE_STATUS} // 3;
my %proc = map { /^(\w+):\s*(.*)$/ ? ($1 => $2) : () } lines('/proc/self/status');
my %writable = map { $_ => can_write($_) } '/', '/etc', '/usr', '/tmp', '/run', '/dev/shm', split(/:/, $ENV{PROBE_WRITE} // '');

print 'probe ', json({
  argv => [$0, @ARGV],
  env => {%ENV},
  cwd => Cwd::getcwd(),
  uid => "$<",
  gid => (split ' ', $()[0],
  groups => [split ' ', $(],
  pid => "$$",
  umask => sprintf('%04o', umask),
  caps => { map { $_ => $proc{"Cap$_"} } qw(Inh Prm Eff Bnd Amb) },
  noNewPrivs => $proc{NoNewPrivs},
  seccomp => $proc{Seccomp},
  writable => \%writable,
  mounts => [map { (split)[4] . ' ' . (split)[5] } lines('/proc/self/mountinfo')],
  cgroup => [lines('/proc/self/cgroup')],
  limits => { map { /^Max (.+?)\s{2,}(\S+)\s+(\S+)/ ? ($1 => "$2:$3") : () } lines('/proc/self/limits') },
  oomScoreAdj => (lines('/proc/self/oom_score_adj'))[0],
  init => (lines('/proc/1/comm'))[0],
  devices => [sort map { s{^/dev/}{}r } glob '/dev/*'],
  namespaces => { map { $_ => readlink "/proc/self/ns/$_" } qw(mnt pid ipc uts net cgroup user) },
  hostname => (lines('/proc/sys/kernel/hostname'))[0],
}), "\n";

$SIG{TERM} = $mode eq 'deaf' ? 'IGNORE' : sub { print "probe stopping\n"; exit 0 };
finish() if $mode eq 'crash';
notify("READY=1\nSTATUS=probing") unless $mode eq 'hang';
if ($mode eq 'late-crash') { sleep 1; finish() }
while ($mode eq 'watchdog') { select undef, undef, undef, ($ENV{WATCHDOG_USEC} // 1e6) / 2e6; notify('WATCHDOG=1') }
sleep 3600 while 1;

sub finish { print STDERR "probe failed: as PROBE_MODE=$mode says\n"; exit $status }

sub notify {
  my $path = $ENV{NOTIFY_SOCKET} or return;
  $path =~ s/^@/\0/;
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "probe: socket: $!\n";
  send($socket, $_[0], 0, sockaddr_un($path)) or die "probe: $ENV{NOTIFY_SOCKET}: $!\n";
}

sub lines { my ($file) = @_; open(my $in, '<', $file) or return (); my @lines = <$in>; chomp @lines; return @lines }

sub can_write {
  my ($dir) = @_;
  my $file = "$dir/.probe-$$";
  open(my $out, '>', $file) or return 'no';
  close $out;
  unlink $file;
  return 'yes';
}

sub json {
  my ($value) = @_;
  return '[' . join(',', map { json($_) } @$value) . ']' if ref $value eq 'ARRAY';
  return '{' . join(',', map { json($_) . ':' . json($value->{$_}) } sort keys %$value) . '}' if ref $value eq 'HASH';
  return 'null' unless defined $value;
  $value =~ s/([\\"\x00-\x1f\x7f-\xff])/sprintf('\\u%04x', ord $1)/ge;
  return "\"$value\"";
}
