#!/bin/bash
# Succeeds when the service in this container answers 200 on /health/ready. A shell costs 3 ms, a second Node 60.
exec 3<>"/dev/tcp/127.0.0.1/$PORT" || exit 1
printf 'GET /health/ready HTTP/1.0\r\n\r\n' >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
