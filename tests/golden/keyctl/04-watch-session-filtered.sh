# keyctl watch_session -f and -n: the session is named, links alone come through
cat >inside <<'INSIDE'
name @s "$(keyctl id @s)"
step sh -c 'keyctl rdescribe @s | cut -d";" -f1,4-'
key=$(keyctl add user wqfs:key one @s)
name key "$key"
step keyctl update "$key" two
step keyctl unlink "$key" @s
step keyctl watch_sync "$KEYCTL_WATCH_FD"
INSIDE
step keyctl watch_session -f l -n wqfs-golden log gc 5 \
	sh -c '. "$dir/lib.sh"; . ./inside'
step cat log
step cat gc
