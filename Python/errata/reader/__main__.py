"""The plain reader as a command.

    python3 -m errata.reader apply|revert PATCH MODEL OUT        python3 -m errata.reader show PATCH

MODEL: a .safetensors or .gguf file, or a folder of them (or the .safetensors.index.json in it); where the result is a
folder, OUT is a new one."""
import json, sys
import numpy as np
from . import Patch, Refusal, transform

if [len(sys.argv), *sys.argv[1:2]] not in ([3, "show"], [5, "apply"], [5, "revert"]):
    sys.exit(__doc__)
np.seterr(all="ignore")
try:
    patch = Patch(sys.argv[2])
    if len(sys.argv) == 3:
        patch.check_blocks()
        memory = patch.memory()
        print(json.dumps(patch.manifest if memory is None else patch.manifest | {"facts": memory.facts()}, indent=2))
    else:
        transform(patch, sys.argv[1], *sys.argv[3:])
except Refusal as refusal:
    sys.exit(f"errata.reader: {refusal}")
except Exception as error:                                 # a file that cannot be read or written, or a bad model file
    sys.exit(f"errata.reader: badInput: {error!r}")
