"""Reads and writes a board through LiteX's server: `litex_client.py PORT CSR_CSV`. Prints what it found as JSON."""

import json
import sys

from litex.tools.litex_client import RemoteClient

client = RemoteClient(port=int(sys.argv[1]), csr_csv=sys.argv[2])
client.open()
found = {name: getattr(client.regs, name).read() for name in vars(client.regs) if "topk" not in name and name != "d"}
memory = client.mems.sterna_memory.base
words = [0x01020304 + 0x11111111 * i & 0xFFFFFFFF for i in range(24)]
before = client.read(memory, 64)
client.write(memory + 4096, words)
after = client.read(memory + 4096, len(words))
client.regs.sterna_rows.write(2)
found.update(before=before, wrote=words, after=after, rows=client.regs.sterna_rows.read())
print(json.dumps(found))
client.close()
