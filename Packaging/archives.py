"""Archives with the same bytes for the same content: names sorted, one time for all, owned by nobody in particular."""
import gzip, io, lzma, os, stat, tarfile, zipfile


def files(folder):
    """The files and folders below a folder, as names relative to it, sorted."""
    found = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.relpath(os.path.join(place, name), folder) for name in [*folders, *names]]
    return sorted(found)


def mode(path):
    """Executable or not; what the builder's umask was does not matter."""
    return 0o755 if os.path.isdir(path) or os.stat(path).st_mode & stat.S_IXUSR else 0o644


def tar(folder, time, prefix):
    """A tar file of a folder's content, as bytes; names begin with `prefix`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        top = tarfile.TarInfo(prefix.rstrip("/"))
        top.type, top.mode, top.mtime = tarfile.DIRTYPE, 0o755, time
        top.uname = top.gname = "root"
        archive.addfile(top)
        for name in files(folder):
            path = os.path.join(folder, name)
            entry = tarfile.TarInfo(prefix + name)
            entry.mtime, entry.mode, entry.uname, entry.gname = time, mode(path), "root", "root"
            if os.path.islink(path):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
                archive.addfile(entry)
            elif os.path.isdir(path):
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = os.path.getsize(path)
                with open(path, "rb") as file:
                    archive.addfile(entry, file)
    return buffer.getvalue()


def xz(data):
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=6)


def gz(data):
    return gzip.compress(data, 9, mtime=0)


def ar(members, time):
    """The archive that a .deb is: the members as (name, bytes), in this order."""
    result = b"!<arch>\n"
    for name, data in members:
        result += f"{name:<16}{time:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        result += b"\n" * (len(data) % 2)
    return result


def wheel(path, contents, time):
    """A zip file of (name, bytes, is executable), sorted by name but with the metadata last, as its specification asks."""
    import datetime
    stamp = datetime.datetime.fromtimestamp(max(time, 315532800), datetime.timezone.utc).timetuple()[:6]
    order = sorted(contents, key=lambda entry: (".dist-info/" in entry[0], entry[0]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data, is_executable in order:
            entry = zipfile.ZipInfo(name, stamp)
            entry.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, data)
