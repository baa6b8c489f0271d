# A star of Mininet: one Linux bridge, no controller. Does the phase that each
# line of stdin names, and answers with its name: see Talk in box.go.
import sys

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo

setLogLevel("critical")
net = None
for line in sys.stdin:
    phase = line.strip()
    if phase == "apply":
        topo = SingleSwitchTopo(int(sys.argv[1]))
        net = Mininet(topo=topo, switch=LinuxBridge, controller=None)
        net.start()
    elif phase == "verify":
        lost = net.pingAll()
        if lost:
            sys.exit("lost %s %%" % lost)
    else:
        net.stop()
    print(phase, flush=True)
