# Ends when a connection to each host and port is accepted, and never fails.
import socket, sys, time

for host, port in zip(sys.argv[1::2], sys.argv[2::2]):
    said = None
    while True:
        try:
            socket.create_connection((host, port), 5).close()
            break
        except OSError as error:
            if str(error) != said:
                said = str(error)
                print("waiting for %s:%s: %s" % (host, port, said), flush=True)
        time.sleep(2)
