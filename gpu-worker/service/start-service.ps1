# Starts the service on Windows: powershell -ExecutionPolicy Bypass -File gpu-worker\service\start-service.ps1 [-Model small.en] [-Port 8765]
param([string]$Model = "small.en", [int]$Port = 8765, [string]$Folder = "$env:LOCALAPPDATA\chunkscribe-service")
$ErrorActionPreference = "Stop"
$here = Split-Path -Parent $PSScriptRoot
$venv = Join-Path $Folder "venv"
if (-not (Get-Command python -ErrorAction SilentlyContinue)) { throw "Python 3.11 or newer is missing: winget install Python.Python.3.12" }
if (-not (Test-Path "$venv\Scripts\python.exe")) {
    New-Item -ItemType Directory -Force $Folder | Out-Null
    python -m venv $venv
    & "$venv\Scripts\python.exe" -m pip install -q --require-hashes -r "$here\requirements-serve.txt"
}
$env:PYTHONPATH = Join-Path $here "src"
Write-Host "Chunkscribe service: http://127.0.0.1:$Port   (Ctrl+C to stop)"
& "$venv\Scripts\python.exe" -m gpu_worker serve --model $Model --port $Port --folder $Folder
