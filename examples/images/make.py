#!/usr/bin/env python3
"""Makes toolchain images without a registry: a small Debian base, and on it Python, Go and Node.

    examples/images/make.py DIRECTORY [NAME…]

Writes an OCI layout DIRECTORY/NAME for each of base, python, go, node and e2e, which has Python and Node. The base and Python come from Debian packages,
which apt downloads as it is set up here and nothing installs; Go and Node are those of this machine. The same packages
and toolchains give the same bytes. With a registry at hand, name its images in workspace.toml and leave this alone.
"""
import functools, gzip, hashlib, io, json, os, shutil, subprocess, sys, tarfile, tempfile

BASE = """base-files base-passwd bash coreutils dash diffutils findutils grep gzip hostname libc-bin sed tar mawk
ca-certificates libstdc++6""".split()
PYTHON = ["python3", "python3-venv", "python3-pip"]
TIME = 315532800  # 1980-01-01: 0 breaks archives that are made of the files
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def run(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout.strip()


def debs(packages, work):
    """Downloads packages with all that they need, as if nothing were installed; returns the files, sorted by name."""
    archives, lists = os.path.join(work, "archives"), os.path.join(work, "state")
    os.makedirs(os.path.join(archives, "partial"), exist_ok=True)
    os.makedirs(lists, exist_ok=True)
    status = os.path.join(lists, "status")
    open(status, "w").close()
    for name in os.listdir(archives):
        if name.endswith(".deb"):
            os.remove(os.path.join(archives, name))
    subprocess.run(["apt-get", "-qq", "-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={archives}",
                    "-o", "APT::Sandbox::User=root", "--no-install-recommends", "--download-only", "-y", "install",
                    *packages], check=True, stdout=subprocess.DEVNULL)
    return sorted(os.path.join(archives, name) for name in os.listdir(archives) if name.endswith(".deb"))


class Layer:
    """Entries of a tar, by path; parents come by themselves."""

    def __init__(self):
        self.entries = {}

    def put(self, path, kind, mode=0o755, data=b"", link=""):
        path = path.strip("/")
        parts = path.split("/")
        # Debian is merged: /bin and others are links into /usr.
        if parts[0] in ("bin", "sbin", "lib", "lib32", "lib64", "libx32") and len(parts) > 1:
            path = "usr/" + path
        for end in range(1, len(path.split("/"))):
            self.entries.setdefault("/".join(path.split("/")[:end]), (tarfile.DIRTYPE, 0o755, b"", ""))
        if kind == tarfile.DIRTYPE and path in self.entries:
            return
        self.entries[path] = (kind, mode, data, link)

    def deb(self, file):
        packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            for member in archive:
                name = member.name.lstrip("./")
                if not name or name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
                    continue
                if member.isdir():
                    self.put(name, tarfile.DIRTYPE, member.mode)
                elif member.issym():
                    self.put(name, tarfile.SYMTYPE, 0o777, link=member.linkname)
                elif member.islnk():
                    self.put(name, tarfile.REGTYPE, member.mode, archive.extractfile(member).read())
                elif member.isfile():
                    self.put(name, tarfile.REGTYPE, member.mode, archive.extractfile(member).read())

    def tree(self, top, at, leave_out=()):
        """Adds a directory of this machine."""
        for here, directories, files in os.walk(top):
            below = os.path.relpath(here, top)
            directories[:] = sorted(d for d in directories if os.path.normpath(os.path.join(below, d)) not in leave_out)
            for name in sorted(files) + [d for d in directories if os.path.islink(os.path.join(here, d))]:
                self.file(os.path.join(here, name), os.path.normpath(os.path.join(at, below, name)))

    def file(self, source, at):
        if os.path.islink(source):
            self.put(at, tarfile.SYMTYPE, 0o777, link=os.readlink(source))
        elif os.path.isfile(source):
            with open(source, "rb") as file:
                self.put(at, tarfile.REGTYPE, 0o755 if os.access(source, os.X_OK) else 0o644, file.read())

    def tar(self):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self.entries):
                kind, mode, data, link = self.entries[path]
                member = tarfile.TarInfo(path)
                member.type, member.mode, member.mtime, member.linkname, member.size = kind, mode, TIME, link, len(data)
                archive.addfile(member, io.BytesIO(data))
        return out.getvalue()


def base(work):
    layer = Layer()
    for name in ("bin", "sbin", "lib", "lib64"):
        layer.put("usr/" + name, tarfile.DIRTYPE)
        layer.entries[name] = (tarfile.SYMTYPE, 0o777, b"", "usr/" + name)
    for file in debs(BASE, work):
        layer.deb(file)
    # Maintainer scripts do not run: this is what they would have made.
    for name in ("passwd", "group"):
        layer.put("etc/" + name, tarfile.REGTYPE, 0o644, layer.entries[f"usr/share/base-passwd/{name}.master"][2])
    layer.put("etc/nsswitch.conf", tarfile.REGTYPE, 0o644, b"passwd: files\ngroup: files\nhosts: files dns\n")
    certificates = [layer.entries[path][2] for path in sorted(layer.entries) if path.startswith("usr/share/ca-certificates/") and path.endswith(".crt")]
    layer.put("etc/ssl/certs/ca-certificates.crt", tarfile.REGTYPE, 0o644, b"".join(certificates))
    layer.put("usr/bin/awk", tarfile.SYMTYPE, 0o777, link="mawk")
    layer.put("tmp", tarfile.DIRTYPE, 0o1777)
    layer.put("proc", tarfile.DIRTYPE), layer.put("dev", tarfile.DIRTYPE)
    return layer


def python(work, below):
    layer = Layer()
    for file in debs(BASE + PYTHON, work):
        layer.deb(file)
    layer.entries = {path: entry for path, entry in layer.entries.items() if path not in below.entries}
    return layer


def go():
    layer, root = Layer(), run("go", "env", "GOROOT")
    layer.tree(root, "usr/local/go", leave_out=("test", "doc", "api", "pkg/obj"))
    return layer


def node():
    layer = Layer()
    program = os.path.realpath(run("node", "-p", "process.execPath"))
    layer.file(program, "usr/local/bin/node")
    modules = run("npm", "root", "--global")
    layer.tree(os.path.realpath(os.path.join(modules, "npm")), "usr/local/lib/node_modules/npm")
    for name in ("npm", "npx"):
        layer.put(f"usr/local/bin/{name}", tarfile.SYMTYPE, 0o777, link=f"../lib/node_modules/npm/bin/{name}-cli.js")
    return layer


def layout(directory, layers, path):
    shutil.rmtree(directory, ignore_errors=True)
    blobs = os.path.join(directory, "blobs/sha256")
    os.makedirs(blobs)

    def put(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(data)
        return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}

    platform = {"architecture": ARCHITECTURES.get(os.uname().machine, os.uname().machine), "os": "linux"}
    packed = [put(gzip.compress(tar, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for tar in layers]
    diff_ids = ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in layers]
    config = put(json.dumps({**platform, "config": {"Env": ["PATH=" + path]}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode(), "application/vnd.oci.image.config.v1+json")
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": packed}).encode(), kind)
    manifest.update(platform=platform, annotations={"org.opencontainers.image.ref.name": "latest"})
    with open(os.path.join(directory, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, file)
    with open(os.path.join(directory, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    return manifest["digest"]


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    directory, names = sys.argv[1], sys.argv[2:] or ["base", "python", "go", "node", "e2e"]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    with tempfile.TemporaryDirectory() as work:
        below = base(work)
        bottom = below.tar()
        made = functools.cache(lambda name: {"python": lambda: python(work, below), "go": go, "node": node}[name]().tar())
        parts = {"base": [], "python": ["python"], "go": ["go"], "node": ["node"], "e2e": ["python", "node"]}
        for name in names:
            if name not in parts:
                sys.exit(f"there is no image {name}: the images are {', '.join(parts)}")
            layers = [bottom, *map(made, parts[name])]
            path = "/usr/local/go/bin:" + system if name == "go" else system
            print(name, layout(os.path.join(directory, name), layers, path), f"{sum(map(len, layers)) >> 20} MiB")


main()
