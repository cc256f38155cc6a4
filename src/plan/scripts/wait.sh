# Ends when a connection to each host and port is accepted, and never fails.
while [ $# -gt 1 ]; do
  until (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; do
    sleep 2
  done
  shift 2
done
