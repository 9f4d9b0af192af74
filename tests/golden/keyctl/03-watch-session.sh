# keyctl watch_session: watch_add, watch_rm and watch_sync on the inherited descriptor
cat >inside <<'INSIDE'
name @s "$(keyctl id @s)"
key=$(keyctl add user wqfs:key one @s)
name key "$key"
step keyctl watch_add "$KEYCTL_WATCH_FD" "$key"
step keyctl watch_add "$KEYCTL_WATCH_FD" "$key"
step keyctl update "$key" two
step keyctl watch_sync "$KEYCTL_WATCH_FD"
step keyctl watch_rm "$KEYCTL_WATCH_FD" "$key"
step keyctl watch_rm "$KEYCTL_WATCH_FD" "$key"
step keyctl update "$key" three
step keyctl unlink "$key" @s
ring=$(keyctl newring ring @s)
name ring "$ring"
step keyctl watch_add "$KEYCTL_WATCH_FD" @u
step keyctl link "$ring" @u
step keyctl unlink "$ring" @u
step keyctl watch_rm "$KEYCTL_WATCH_FD" @u
step keyctl watch_sync "$KEYCTL_WATCH_FD"
exit 7
INSIDE
name @u "$(keyctl id @u)"
step keyctl watch_session log gc 9 sh -c '. "$dir/lib.sh"; . ./inside'
step cat log
step cat gc
