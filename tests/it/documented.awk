# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Prints the command lines that a README.md, a manual page (in mdoc) or the comments of an example
# document, a line each: "HOW<TAB>COMMAND", HOW being
#
#	$	to be run by anybody
#	#	to be run by root
#	fstab	a line of that file
#	text	named in the text, and not shown on a line of its own
#	out	what the command before it is shown to print
#
# In a manual page's display only lines with a prompt are commands; a page of code has
# none. In a block of the README without any prompt each line is one. In a comment it stands between
# quotation marks.

BEGIN {
	split("cd wqfs wqctl wqrun keyctl fusermount3 mount umount getfattr setfattr kinit " \
	      "sudo systemctl journalctl apt bcachefs cryptsetup dpkg-buildpackage scripts/try " \
	      "scripts/check", names)
	for (i in names)
		program[names[i]] = 1
	page = FILENAME
}

function put(how, command) {
	sub(/[ \t][ \t]+#.*/, "", command)
	gsub(/\\e/, "\\", command)
	gsub(/\\-/, "-", command)
	gsub(/\\&/, "", command)
	print how "\t" command
}

# One line of a display. PROMPTS: what has no prompt is what the command before it prints.
function line(text, prompts) {
	if (text ~ /^[$#] /) {
		put(substr(text, 1, 1), substr(text, 3))
		shown = 1
	} else if (text ~ /[ \t]fuse\.wqfs[ \t]/) {
		put("fstab", text)
	} else if (prompts && shown && text != "") {
		print "out\t" text
	} else if (!prompts) {
		put("$", text)
	}
}

# A mention is a command line if it is more than the name of a program, or sets its environment.
function mention(text,   word) {
	if (split(text, word, " ") > 1 && (word[1] in program || word[1] ~ /^[A-Z_]+=/))
		put("text", text)
}

function end_block(   i, prompts) {
	for (i = 1; i <= n; i++)
		prompts = prompts || block[i] ~ /^[$#] /
	shown = 0
	for (i = 1; i <= n; i++)
		line(block[i], prompts)
	n = 0
}

FILENAME ~ /\.md$/ {
	if (/^    /) {
		block[++n] = substr($0, 5)
		next
	}
	end_block()
	# A span may go over the end of a line.
	rest = rest (rest == "" ? "" : " ") $0
	while (match(rest, /`[^`]+`/)) {
		mention(substr(rest, RSTART + 1, RLENGTH - 2))
		rest = substr(rest, RSTART + RLENGTH)
	}
	if (rest !~ /`/)
		rest = ""
	next
}

FILENAME ~ /examples\/[^.]*(\.service)?$/ {
	if (/^#/ && split($0, part, "\""))
		for (i = 2; i in part; i += 2)
			mention(part[i])
	next
}

/^\.Bd / {
	display = 1
	shown = 0
	next
}
/^\.Ed/ {
	display = 0
}
display {
	line($0, 1)
	next
}
/^\.Dl / {
	shown = 0
	line(substr($0, 5), 1)
}
/^\.Ql / {
	text = substr($0, 5)
	sub(/ [.,;:]$/, "", text)
	gsub(/(^| )(Ar|Op|Fl|Cm|Li) /, " ", text)
	sub(/^ /, "", text)
	mention(text)
}

END {
	end_block()
}
