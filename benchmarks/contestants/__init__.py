"""What the service is compared with: small applications, each one file, served by uvicorn as the service is."""
