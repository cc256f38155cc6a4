# Runs the command while all pods of the instance are there: the leader holds a
# connection of every worker, and who loses one ends, to be started again.
import os, selectors, signal, socket, subprocess, sys, threading, time

leader, port = os.environ["RBG_LWP_LEADER_ADDRESS"], 7117
rank, size = int(os.environ["RBG_LWP_WORKER_INDEX"]), int(os.environ["RBG_LWP_GROUP_SIZE"])
instance = "%s/%d" % (os.environ["RBG_ROLE_INSTANCE_NAME"], size)
peers, lost = selectors.DefaultSelector(), threading.Event()
command, started, asked = None, False, []

def say(text):
    print("rbgc:", text, file=sys.stderr, flush=True)

def keep(peer):
    # A node that is lost closes nothing: 30 s without an answer end the connection.
    peer.settimeout(None)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30000)

def drop(peer):
    peers.unregister(peer)
    peer.close()

def admit(peer, workers):
    try:
        peer.settimeout(5)
        name, number = peer.recv(400).decode().split()
        keep(peer)
    except (OSError, ValueError):
        return peer.close()
    number = int(number) if number.isdecimal() else 0
    if name != instance or not 0 < number < size:
        return peer.close()
    if number in workers:
        drop(workers[number])
    workers[number] = peer
    peers.register(peer, selectors.EVENT_READ)
    say("%d of %d workers are there" % (len(workers), size - 1))

def gather():
    both, workers = socket.has_dualstack_ipv6(), {}
    family = socket.AF_INET6 if both else socket.AF_INET
    with socket.create_server(("", port), family=family, backlog=size, dualstack_ipv6=both) as server:
        peers.register(server, selectors.EVENT_READ)
        while len(workers) < size - 1:
            for key, _ in peers.select():
                if key.fileobj is server:
                    admit(server.accept()[0], workers)
                elif key.fileobj in workers.values():
                    drop(key.fileobj)
                    workers = {n: w for n, w in workers.items() if w is not key.fileobj}
        peers.unregister(server)
    for worker in workers.values():
        worker.sendall(b"go")

def join():
    said = None
    while True:
        try:
            peer = socket.create_connection((leader, port), 5)
            keep(peer)
            peer.sendall(("%s %d" % (instance, rank)).encode())
            if peer.recv(2):
                return peers.register(peer, selectors.EVENT_READ)
            peer.close()
        except OSError as error:
            if str(error) != said:
                said = str(error)
                say("waiting for %s: %s" % (leader, said))
        time.sleep(1)

def forward(number, _):
    if command:
        os.kill(command.pid, number)
    elif started:
        asked.append(number)
    else:
        os._exit(128 + number)

def watch():
    while not peers.select():
        pass
    lost.set()
    say("another pod of the instance has ended")
    os.kill(command.pid, signal.SIGKILL)
    os._exit(1)

for number in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2:
    signal.signal(number, forward)
gather() if rank == 0 else join()
started = True
command = subprocess.Popen(sys.argv[1:])
for number in asked:
    os.kill(command.pid, number)
threading.Thread(target=watch, daemon=True).start()
while True:
    # Process 1 of a container reaps all that is orphaned in it.
    ended, status = os.wait()
    if ended == command.pid:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        os._exit(1 if lost.is_set() else code)
