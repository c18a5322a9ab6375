
1;
3type.googleapis.com/envoy.config.cluster.v3.Cluster
ÿþ"3type.googleapis.com/envoy.config.cluster.v3.Cluster*n