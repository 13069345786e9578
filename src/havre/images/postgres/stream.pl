#!/usr/bin/perl
# The stream: WAL of segments that are not archived yet, sent off-site every few seconds.
#
# havre-stream send SECONDS:            send what is new, again and again.
# havre-stream state:                   how old what was sent is, as JSON: seconds, also since it was started if nothing
#                                       was, and what is wrong.
# havre-stream newest:                  the timeline that was streamed last.
# havre-stream fetch FOLDER CLUSTER:    bring what was sent of a cluster into a folder, a file per segment.
# havre-stream get FOLDER NAME PATH COMMAND...:  PostgreSQL's restore_command: COMMAND asks the archive, then the
#                                       folder has its turn, then the archive's NAME.partial. Of a whole segment
#                                       that came from the folder, NAME.used remains there.
#
# A segment is sent in pieces, each byte once: stream/CLUSTER/RUN/SEGMENT/START-END in the off-site repository.
# What PostgreSQL has flushed does not change any more, so a piece is never sent anew. A RUN is one life of this
# program: pieces of two are not mixed. Pieces go when the archive has their segment. A piece is gzip after an HMAC
# of its path and content, encrypted by pgBackRest; the keys of both are made of the repository's passphrase.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use File::Path qw(make_path);
use IO::Compress::Gzip qw(gzip $GzipError);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use JSON::PP qw(decode_json);
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

my $SEGMENT = 16 * 1024 * 1024;
my $PATIENCE = 30;           # seconds, for one request to the storage
my $MOST_WAITING = 8;        # segments: with more, the archive is behind, and its work is not done twice
my $REMOVE_AGAIN = 300;      # seconds after the storage refused to remove something
my $folder = ($ENV{TMPDIR} // '/tmp') . '/havre-stream';
my $wal = ($ENV{PGDATA} // '') . '/pg_wal';

umask 0077;
my ($mode, @arguments) = @ARGV;
my %modes = (send => \&send_on, state => \&tell, newest => \&newest, fetch => \&fetch, get => \&get);
die "havre-stream: send, state, newest, fetch or get\n" unless $mode && $modes{$mode};
make_path($folder);
$modes{$mode}->(@arguments);

# --- Sending

sub send_on {
    my ($pause) = @_;
    my $me = { sent => {}, began => now() };
    note($me, 'nothing was sent yet');
    my $told = '';
    while (1) {
        my $began = now();
        my $problem = eval { send_once($me); '' } // $@;
        chomp $problem;
        $me->{at} = $began unless $problem;
        note($me, $problem);
        print STDERR "havre-stream: ", $problem || 'all is sent', "\n" if $problem ne $told;
        $told = $problem;
        eval { tidy($me); 1 } or hold_off($me) unless $problem;
        my $rest = $pause - (now() - $began);
        sleep($rest > 0.2 ? $rest : 0.2);
    }
}

# Everything that was flushed when this began is off-site at its end, or it dies and says why not.
sub send_once {
    my ($me) = @_;
    my ($cluster, $timeline, $lsn) = position();
    $me->{run} //= new_run($cluster);
    $me->{place} = "stream/$cluster/$me->{run}";
    my $offset = $lsn % $SEGMENT;
    my $number = ($lsn - $offset) / $SEGMENT;
    $me->{current} = sprintf('%s%08X%08X', $timeline, int($number / 256), $number % 256);
    my @waiting = waiting($me);
    die scalar(@waiting) . " segments wait for the archive\n" if @waiting > $MOST_WAITING;
    send_piece($me, $_, /history/ ? -s "$wal/$_" : $SEGMENT) for @waiting;
    send_piece($me, $me->{current}, $offset) if $offset;
}

# The cluster's identifier, its timeline as in names of segments, and how far WAL is on the disk, in bytes.
sub position {
    my $statement = 'SELECT system_identifier, left(pg_walfile_name(pg_current_wal_flush_lsn()), 8),'
        . " pg_current_wal_flush_lsn() - '0/0' FROM pg_control_system()";
    local $ENV{PGCONNECT_TIMEOUT} = 5;
    my ($code, $out) = run('', {}, 'psql', '-XAtq', '--username=postgres', '--dbname=postgres', '-c', $statement);
    my @found = $out =~ /^(\d+)\|([0-9A-F]{8})\|(\d+)$/ or die "the database does not answer\n";
    return @found;
}

# Later than every earlier one, whatever became of the clock.
sub new_run {
    my ($cluster) = @_;
    my ($newest) = sort { $b <=> $a } runs($cluster);
    return $newest && $newest >= time ? $newest + 1 : time;
}

sub runs {
    my ($cluster) = @_;
    my $listed = list("stream/$cluster", 0);
    return grep { /^\d+$/ } keys %$listed;
}

# Segments and histories that the archive does not have yet; the present segment is not one of them. PostgreSQL
# says that a segment is ready some time after it went on to the next one.
sub waiting {
    my ($me) = @_;
    my %found = map { m{([0-9A-F]{24}|[0-9A-F]{8}\.history)\.ready$} ? ($1 => 1) : () } glob "$wal/archive_status/*.ready";
    $found{$_} = 1 for grep { !is_archived($_) } keys %{ $me->{sent} };
    delete $found{ $me->{current} };
    return sort keys %found;
}

sub is_archived {
    my ($name) = @_;
    return -e "$wal/archive_status/$name.done" || !-e "$wal/$name";
}

sub send_piece {
    my ($me, $name, $end) = @_;
    my $start = $me->{sent}{$name} // 0;
    return if !defined $end || $start >= $end;
    open my $file, '<:raw', "$wal/$name" or return;    # archived and removed meanwhile
    seek $file, $start, 0;
    my $got = read $file, my $data, $end - $start;
    die "$name could not be read\n" unless defined $got && $got == $end - $start;
    # An archived one may have been made another segment while it was read.
    return if $name ne $me->{current} && is_archived($name);
    gzip(\$data => \my $packed, -Level => 3) or die "$GzipError\n";
    my $path = sprintf '%s/%s/%08X-%08X', $me->{place}, $name, $start, $end;
    must("$name could not be sent", repository(seal($path, $packed), keys_of('encryption'), 'repo-put', $path));
    $me->{sent}{$name} = $end;
}

# Remove what the archive has, and what earlier runs sent: all of that was sent again or is archived.
sub tidy {
    my ($me) = @_;
    return if ($me->{hold} // 0) > now();
    for my $name (sort keys %{ $me->{sent} }) {
        next if $name eq $me->{current} || !is_archived($name);
        discard("$me->{place}/$name");
        delete $me->{sent}{$name};
    }
    return if $me->{tidied};
    my ($cluster) = $me->{place} =~ m{/(\d+)/};
    discard("stream/$cluster/$_") for grep { $_ < $me->{run} } runs($cluster);
    $me->{tidied} = 1;
}

sub hold_off {
    my ($me) = @_;
    $me->{hold} = now() + $REMOVE_AGAIN;
    print STDERR "havre-stream: $@";
}

sub discard {
    my ($path) = @_;
    must("$path could not be removed", repository('', {}, 'repo-rm', '--recurse', $path));
}

# --- Telling how it is

sub note {
    my ($me, $problem) = @_;
    my $state = { at => $me->{at}, began => $me->{began}, problem => $problem };
    open my $file, '>', "$folder/state.new" or return;
    print {$file} JSON::PP->new->encode($state);
    close $file and rename "$folder/state.new", "$folder/state";
}

# Seconds since everything was off-site that had been written, counted by a clock that nobody sets.
sub tell {
    my $text = contents("$folder/state");
    my $state = $text ? decode_json($text) : {};
    my ($at, $since) = ($state->{at}, $state->{at} // $state->{began});
    my $told = {
        age => defined $at ? now() - $at : undef,
        silent => defined $since ? now() - $since : undef,
        problem => $state->{problem} // 'it does not run',
    };
    print JSON::PP->new->canonical->encode($told), "\n";
}

# --- Bringing back

# A server that was lost right after a restore served another timeline than its newest backup has. One whose history
# is not archived could not be followed.
sub newest {
    my %runs;
    for my $path (keys %{ list('stream', 1) }) {
        my ($run, $of) = $path =~ m{^\d+/(\d+)/([0-9A-F]{8})[0-9A-F]{16}/} or next;
        $runs{$run} = $of if !$runs{$run} || $runs{$run} lt $of;
    }
    my %known = ('00000001' => 1);
    for my $version (grep { /^[0-9.]+-\d+$/ } keys %{ list('archive/main', 0) }) {
        $known{$_} = 1 for map { /^([0-9A-F]{8})\.history$/ } keys %{ list("archive/main/$version", 0) };
    }
    my ($newest) = grep { $known{ $runs{$_} } } sort { $b <=> $a } keys %runs;
    print 'timeline ', $newest ? hex $runs{$newest} : 0, "\n";
}

sub fetch {
    my ($to, $data) = @_;
    my ($code, $out) = run('', {}, 'pg_controldata', $data);
    my ($cluster) = $out =~ /^Database system identifier:\s+(\d+)$/m or die "havre-stream: $data is no cluster\n";
    make_path($to);
    my %pieces;    # by segment and run: where each begins, and the furthest end from there
    my $listed = list("stream/$cluster", 1);
    for my $path (keys %$listed) {
        my ($run, $name, $start, $end) = $path =~ m{^(\d+)/([^/]+)/([0-9A-F]{8})-([0-9A-F]{8})$} or next;
        my $known = $pieces{$name}{$run}{ hex $start };
        $pieces{$name}{$run}{ hex $start } = hex $end if !$known || $known < hex $end;
    }
    my $bytes = 0;
    for my $name (sort keys %pieces) {
        # The newest run that has its beginning.
        my ($run) = sort { $b <=> $a } grep { exists $pieces{$name}{$_}{0} } keys %{ $pieces{$name} };
        $bytes += bring("$to/$name", "stream/$cluster/$run/$name", $pieces{$name}{$run}) if $run;
    }
    printf STDERR "havre-stream: %d bytes of WAL came from the stream, of %d segments\n", $bytes, scalar keys %pieces;
}

# Put pieces one after the other, until one is missing; bytes of them.
sub bring {
    my ($to, $place, $ends) = @_;
    my ($whole, $at) = ('', 0);
    while (my $end = $ends->{$at}) {
        my $path = sprintf '%s/%08X-%08X', $place, $at, $end;
        my ($code, $sealed, $said) = repository('', keys_of('encryption'), 'repo-get', '--ignore-missing', $path);
        last if $code == 1;    # the archive has the segment since it was listed
        my $packed = $code == 95 ? undef : $code ? die "havre-stream: $path: $said\n" : open_sealed($path, $sealed);
        my $data = '';
        if (!defined $packed || !gunzip(\$packed => \$data) || length $data != $end - $at) {
            print STDERR "havre-stream: $path is damaged: WAL after it is not used\n";
            last;
        }
        $whole .= $data;
        $at = $end;
    }
    return 0 unless $at;
    my $is_whole = $at == $SEGMENT || $to =~ /history$/;
    $to .= '.partial' unless $is_whole;
    open my $file, '>:raw', $to or die "havre-stream: $to: $!\n";
    print {$file} $whole;
    # PostgreSQL takes whole segments only, and ends its replay where zeros begin.
    $is_whole or truncate $file, $SEGMENT or die "havre-stream: $to: $!\n";
    close $file or die "havre-stream: $to: $!\n";
    return $at;
}

# 1 means that there is no such segment. PostgreSQL takes whatever is below 126 for that, and ends its replay: where
# the archive was not asked for good, it must not.
sub get {
    my ($from, $name, $path, @command) = @_;
    my $code = asked(@command);
    my ($found) = grep { -e } "$from/$name", "$from/$name.partial";
    if ($code == 1 && $found) {
        symlink $found, "$from/$name.used" if $found eq "$from/$name";
        exit(system('cp', $found, $path) ? 255 : 0);
    }
    $code = asked(map { $_ eq $name ? "$name.partial" : $_ } @command) if $code == 1 && $name =~ /^[0-9A-F]{24}$/;
    exit $code;
}

# The archive's answer; asked again where it was none.
sub asked {
    my @command = @_;
    for my $pause (1, 3, 0) {
        my $code = system(@command);
        return $code >> 8 if $code == 0 || $code == 256;
        exit 255 if $code & 127;    # ended together with the server
        sleep $pause;
    }
    exit 255;
}

# --- The repository

sub list {
    my ($path, $is_deep) = @_;
    my ($code, $out, $said) = repository('', {}, 'repo-ls', '--output=json', ($is_deep ? '--recurse' : ()), $path);
    die "the storage could not be listed: $said\n" if $code;
    return decode_json($out || '{}');
}

sub repository {
    my ($input, $environment, @command) = @_;
    my @quiet = ('--log-level-console=off', '--log-level-stderr=error', '--log-level-file=off');
    my ($action, @rest) = @command;
    return run($input, $environment, 'timeout', $PATIENCE, 'pgbackrest', '--repo=2', @quiet, $action, @rest);
}

sub must {
    my ($what, $code, $out, $said) = @_;
    die "$what: " . ($code == 124 ? 'the storage does not answer' : $said || "code $code") . "\n" if $code;
}

# Its own keys for its own use, so that neither tells of the repository's.
sub key {
    my ($use) = @_;
    my $secrets = contents(($ENV{PGBACKREST_CONFIG_INCLUDE_PATH} // '/etc/pgbackrest/conf.d') . '/offsite.conf');
    my ($passphrase) = $secrets =~ /^repo2-cipher-pass=(.+)$/m or die "there is no passphrase\n";
    return hmac_sha256_hex("havre stream $use", $passphrase);
}

sub keys_of { return { PGBACKREST_CIPHER_PASS => key(@_) } }

sub seal {
    my ($path, $packed) = @_;
    return hmac_sha256("$path\0$packed", key('authentication')) . $packed;
}

sub open_sealed {
    my ($path, $sealed) = @_;
    return undef if length $sealed < 32;
    my $packed = substr $sealed, 32;
    return hmac_sha256("$path\0$packed", key('authentication')) eq substr($sealed, 0, 32) ? $packed : undef;
}

# --- What is needed for that

# The code of a command, its output, and what it complained about in one line.
sub run {
    my ($input, $environment, @command) = @_;
    my ($in, $out, $err) = map { "$folder/$$.$_" } qw(in out err);
    open my $file, '>:raw', $in or die "$in: $!\n";
    print {$file} $input;
    close $file or die "$in: $!\n";
    my $child = fork // die "no process: $!\n";
    if (!$child) {
        open STDIN, '<', $in and open STDOUT, '>', $out and open STDERR, '>', $err or POSIX::_exit(71);
        %ENV = (%ENV, %$environment);
        { exec { $command[0] } @command }
        POSIX::_exit(127);
    }
    waitpid $child, 0;
    my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    my ($told, $said) = (contents($out), contents($err));
    unlink $in, $out, $err;
    $said =~ s/\s+/ /g;
    return ($code, $told, substr $said, 0, 300);
}

sub contents {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return <$file> // '';
}

sub now { return clock_gettime(CLOCK_MONOTONIC) }
