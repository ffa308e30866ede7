"""Processes are marked by a variable of their environment, which their children inherit: so whoever is left is found."""
import os


def alive(name, mark):
    """Those that carry name=mark (steps, escapees, the warden), zombies not counted."""
    found = []
    wanted = f"{name}={mark}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if wanted not in f.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                    found.append(int(pid))
        except OSError:
            pass
    return found
