"""Packs the two functions as AWS Lambda takes them: python3 package.py FOLDER-OF-BINARIES [FOLDER-FOR-ZIPS]

Makes registry.zip and authorizer.zip, by default beside the binaries. The same binaries give the same bytes.
"""

import pathlib
import sys
import zipfile

binaries = pathlib.Path(sys.argv[1])
packed = pathlib.Path(sys.argv[-1])
for binary, name in (("registry-lambda", "registry.zip"), ("registry-authorizer", "authorizer.zip")):
    bootstrap = zipfile.ZipInfo("bootstrap")
    bootstrap.compress_type = zipfile.ZIP_DEFLATED
    bootstrap.create_system = 3  # Unix, so that the mode below counts
    bootstrap.external_attr = 0o100755 << 16
    with zipfile.ZipFile(packed / name, "w") as file:
        file.writestr(bootstrap, (binaries / binary).read_bytes())
    print(f"{packed / name}: {(packed / name).stat().st_size / 1e6:.1f} MB")
