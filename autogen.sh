#!/bin/sh
# Makes ./configure from configure.ac.
set -e
cd "$(dirname "$0")"
missing=
for program in autoconf:autoconf automake:automake libtoolize:libtool; do
	command -v "${program%:*}" >/dev/null || missing="$missing ${program#*:}"
done
if [ -n "$missing" ]; then
	echo "autogen.sh: these programs are missing (on Debian: apt-get install$missing):$missing" >&2
	exit 1
fi
mkdir -p m4
exec autoreconf --install --force "$@"
