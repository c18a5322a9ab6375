
1y
Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment3
web,

rz


	127.0.0.1P

	
::1Q"Btype.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment*n