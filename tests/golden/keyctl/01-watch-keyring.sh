# keyctl watch KEYRING: every event, until the keyring is gone
ring=$(keyctl newring watched @s)
name ring "$ring"
name @s "$(keyctl id @s)"
watch_in_background "$ring"
a=$(keyctl add user wqfs:a one "$ring")
name a "$a"
b=$(keyctl add user wqfs:b two "$ring")
name b "$b"
step keyctl link "$a" "$ring"
step keyctl add user wqfs:a three "$ring"
step keyctl unlink "$a" "$ring"
step keyctl setperm "$ring" 0x3f3f0000
step keyctl timeout "$ring" 3600
step keyctl clear "$ring"
step keyctl clear "$ring"
step keyctl restrict_keyring "$ring"
step keyctl unlink "$ring" @s
said_by_watch
