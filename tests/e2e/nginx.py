# SPDX-License-Identifier: GPL-2.0-or-later
"""An nginx of one's own: two workers on a port of loopback, everything that it writes in the case's folder."""

import shutil

from harness import need

CONFIG = """daemon off;
worker_processes 2;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
user root;
events {{ worker_connections 256; }}
http {{
	{http}
	keepalive_requests 100000000;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	server {{
		listen 127.0.0.1:{port};
		location / {{ return 200 "ok\\n"; }}
		{locations}
	}}
}}
"""


def nginx_command(case, port, http="access_log off;", locations=""):
    """What starts it: a copy of the file, so that --exe means no other nginx of this machine. HTTP and LOCATIONS
    are put into the configuration."""
    path = shutil.copy(need("/usr/sbin/nginx"), case.path("nginx"))
    config = case.write("nginx.conf", CONFIG.format(dir=case.dir, port=port, http=http, locations=locations))
    return [path, "-c", config, "-p", case.dir]
