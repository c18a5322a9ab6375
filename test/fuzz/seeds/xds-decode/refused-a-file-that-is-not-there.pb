
1d
Dtype.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
s"

/nonexistent/ca.pem"Dtype.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret*n