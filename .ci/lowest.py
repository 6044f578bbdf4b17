"""Print the lowest versions that setup.cfg allows, as pip requirements, one a line."""

from __future__ import annotations

import configparser
import re
import sys

config = configparser.ConfigParser()
config.read(sys.argv[1])
for line in config["options"]["install_requires"].split("\n"):
    if bound := re.fullmatch(r"([\w.]+)>=([\d.]+)", line):
        print(f"{bound[1]}=={bound[2]}.0")
