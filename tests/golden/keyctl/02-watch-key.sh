# keyctl watch KEY: updates, attributes, revocation; a filter keeps the rest out
key=$(keyctl add user wqfs:key one @s)
name key "$key"
watch_in_background "$key"
step keyctl update "$key" two
step keyctl update "$key" two
step keyctl setperm "$key" 0x3f3f0000
step keyctl revoke "$key"
step keyctl unlink "$key" @s
said_by_watch
other=$(keyctl add user wqfs:other one @s)
name other "$other"
watch_in_background -f ps "$other"
step keyctl update "$other" two
step keyctl setperm "$other" 0x3f3f0000
step keyctl revoke "$other"
step keyctl unlink "$other" @s
said_by_watch
