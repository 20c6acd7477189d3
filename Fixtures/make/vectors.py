#!/usr/bin/env python3
"""Write Formats/vectors/{safetensors,safetensors-index,statistics,keys,editor,npz,json}. Needs safetensors and numpy.

Every expectation is compared with what the safetensors package (and numpy, for .npz) makes of the same bytes; where the
package accepts what we refuse, the vector's comment says so. The same versions give the same bytes.
"""
import vectors_editing
import vectors_editor
import vectors_json
import vectors_npz
import vectors_safetensors
from vector_file import write_all


def main():
    vectors_safetensors.check_against_package()
    editing = vectors_editing.vectors() + vectors_editor.vectors()
    for vector in editing:
        assert vectors_safetensors.package_accepts(vector.data), vector.name
    write_all(vectors_safetensors.vectors() + editing + vectors_npz.vectors() + vectors_json.vectors())


if __name__ == "__main__":
    main()
