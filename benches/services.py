#!/usr/bin/env python3
"""Writes N services of three roles, one file of about 40 lines each, and an inventory for them.

Usage: services.py DIRECTORY [N]. The figures in docs/performance.md are measured on its output.
"""

import pathlib
import sys

SERVICE = """\
// Service {i}: a router before prefill and decode.
group svc-{i:04} {{
  namespace = "llm"
  labels {{ team = "team-{t}" }}

  role prefill {{
    image = "registry.example.com/engine:1.{t}.0"
    replicas = {p}
    cpu = 4
    memory = 16Gi
    gpus = 1
    port http = 8000
    args = ["serve"]
    flags {{ port = port.http  mode = "prefill"  model = "model-{i}"  max-tokens = 8192 }}
    env {{ LOG_LEVEL = "info"  SERVICE = "svc-{i:04}" }}
    ready http "/health" on http {{ every = 10s }}
  }}

  role decode {{
    image = "registry.example.com/engine:1.{t}.0"
    replicas = {d}
    cpu = 4
    memory = 16Gi
    gpus = 1
    port http = 8000
    args = ["serve"]
    flags {{ port = port.http  mode = "decode"  model = "model-{i}"  max-tokens = 8192 }}
    env {{ LOG_LEVEL = "info"  SERVICE = "svc-{i:04}" }}
    ready http "/health" on http {{ every = 10s }}
  }}

  role router {{
    image = "registry.example.com/router:2.0.1"
    cpu = 1
    memory = 1Gi
    port http = 8080
    flags {{ prefill = prefill.url("http")  decode = decode.url("http") }}
    ready http "/ready" on http
    after prefill, decode
  }}
}}
"""

INVENTORY = """\
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: bench }
kubernetes: "1.33"
levels:
  - { name: block, label: topology.example.com/block }
  - { name: rack, label: topology.example.com/rack }
  - { name: node, label: kubernetes.io/hostname }
resources: { gpu: nvidia.com/gpu }
pools:
  - name: gpu
    nodes: "gpu-[0001-1024]"
    gpu: H100
    labels: { nvidia.com/gpu.product: NVIDIA-H100 }
    domains: { block: "b[01-16] x64", rack: "r[001-128] x8" }
    allocatable: { cpu: 192, memory: 2Ti, nvidia.com/gpu: 8 }
  - name: cpu
    nodes: "cpu-[001-064]"
    domains: { block: "b[01-16] x4" }
    allocatable: { cpu: 64, memory: 256Gi }
"""


def main():
    directory = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    directory.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        text = SERVICE.format(i=i, t=i % 10, p=1 + i % 2, d=1 + i % 3)
        (directory / f"svc-{i:04}.rbg").write_text(text)
    (directory / "inventory.yaml").write_text(INVENTORY)


main()
