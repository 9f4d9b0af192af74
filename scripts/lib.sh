# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What scripts/check and scripts/try share. To be sourced, with $top set to the tree.
: "${top:?}"

say() {
	printf '%s\n' "$*"
}

complain() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# The packages of the groups named, as scripts/packages has them.
packages_of() {
	for group in "$@"; do
		sed -n "s/^${group}[[:space:]][[:space:]]*//p" "$top/scripts/packages"
	done
}

missing_packages() {
	for package in $(packages_of "$@"); do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			printf '%s ' "$package"
	done
}

# Runs a command as root: at once, or through sudo, which may ask for a password only
# where there is a terminal to ask at.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif ! command -v sudo >/dev/null; then
		complain "'$*' needs root, and there is no sudo"
		return 1
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Installs what is missing of the groups named; asks nothing.
install_packages() {
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || {
		complain "this is no Debian; please install what these packages have: $missing"
		return 1
	}
	# shellcheck disable=SC2086 # a list
	apt_get update && apt_get --no-install-recommends install $missing
}

# The Debian mirror that this machine's apt uses.
mirror() {
	# shellcheck disable=SC2016 # apt expands it
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
		'Label: Debian' 2>/dev/null | head -n 1 | grep . || echo http://deb.debian.org/debian
}

# Copies the sources to DIR, so that nothing is made in the tree itself, whoever owns it,
# and whatever was made there before.
copy_sources() {
	mkdir -p "$1"
	if [ -e "$top/.git" ] && command -v git >/dev/null; then
		git -c safe.directory="$top" -C "$top" ls-files -z --cached --others \
			--exclude-standard --deduplicate
	else
		(cd "$top" && find . -type f ! -path './.git/*' ! -path './build*' -print0)
	fi | tar -C "$top" --null --ignore-failed-read --files-from=- -cf - 2>/dev/null |
		tar -C "$1" -xf -
}
