#!/bin/sh
# Speaks tui/demo/demo.txt into tui/demo/demo.opus; needs flite, and ffmpeg with libopus.
set -eu
cd "$(dirname "$0")/../tui/demo"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

RMS=-20    # dBFS of every sentence
LIMIT=0.6  # -4.4 dBFS; the encoder adds up to 1 dB
PAUSE=0.75 # seconds between sentences

convert() {
    ffmpeg -nostdin -hide_banner -loglevel error -y "$@"
}

rms_of() {
    ffmpeg -nostdin -hide_banner -i "$1" -af volumedetect -f null - 2>&1 |
        sed -n 's/.*mean_volume: \(.*\) dB/\1/p'
}

trim="silenceremove=start_periods=1:start_threshold=-50dB:start_silence=0.05"
number=100
while IFS= read -r line; do
    flite -voice "${line%%: *}" -t "${line#*: }" -o "$work/spoken.wav"
    convert -i "$work/spoken.wav" -af "$trim,areverse,$trim,areverse" "$work/trimmed.wav"
    gain=$(echo "$RMS $(rms_of "$work/trimmed.wav")" | awk '{ print $1 - $2 }')
    convert -i "$work/trimmed.wav" -ar 16000 -ac 1 \
        -af "volume=${gain}dB,alimiter=limit=$LIMIT:level=disabled,apad=pad_dur=$PAUSE" \
        "$work/$number.wav"
    echo "file '$work/$number.wav'" >>"$work/sentences"
    number=$((number + 1))
done <demo.txt

# A breath of noise under it: digital silence in the pauses would look like a dead microphone.
convert -f concat -safe 0 -i "$work/sentences" \
    -f lavfi -i "anoisesrc=amplitude=0.0006:color=pink:sample_rate=16000:seed=1" \
    -filter_complex "[0]adelay=600[speech];[speech][1]amix=duration=first:normalize=0" \
    -ar 16000 -ac 1 -c:a libopus -b:a 24k -application audio \
    -map_metadata -1 -fflags +bitexact -flags:a +bitexact demo.opus
