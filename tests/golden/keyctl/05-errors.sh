# what keyctl is told when it asks for what cannot be
key=$(keyctl add user wqfs:key one @s)
name key "$key"
step keyctl watch 2147483647
step keyctl watch -f lx "$key"
step keyctl watch_add 8 "$key"
step keyctl watch_rm 8 "$key"
step keyctl watch_sync 8
step keyctl watch_session log gc 2 true
cat >three <<'THREE'
until consumer_is_ready; do :; done
exit 3
THREE
step keyctl watch_session log gc 6 sh -c '. "$dir/lib.sh"; . ./three'
keyctl revoke "$key"
step keyctl watch "$key"
step keyctl supports notify
