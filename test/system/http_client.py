"""Sends 50 requests over one kept connection with Python's own HTTP client; prints the statuses, each once."""

import http.client
import sys

host, path = sys.argv[1:3]
connection = http.client.HTTPConnection(host)
statuses = set()
for number in range(50):
    connection.request("POST", path, body=f"python http {number}", headers={"content-type": "text/plain"})
    answer = connection.getresponse()
    answer.read()
    statuses.add(answer.status)
connection.close()
print(sorted(statuses))
