"""Says, before anything is loaded, that the port asked for is taken:  tools/port.py 8000"""

import socket
import sys

port = sys.argv[1]
try:
    with socket.socket() as door:
        # As gunicorn does: a port that is only cooling down after the last run is free.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", int(port)))
except (OSError, OverflowError, ValueError) as error:
    sys.exit(f"端口 {port} 不能使用（{error}）。请换一个，例如：make run PORT=8010")
