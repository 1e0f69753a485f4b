package rialto.compat;

import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.InstanceInfo.InstanceStatus;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.appinfo.providers.EurekaConfigBasedInstanceInfoProvider;
import com.netflix.config.ConfigurationManager;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.shared.Application;
import com.netflix.discovery.shared.transport.jersey3.Jersey3TransportClientFactories;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Registers, renews and fetches every second with Netflix's client, prints what it sees, and leaves
 * when its input ends: {@code participant URL NAME PORT}.
 */
public final class Participant {
    public static void main(String[] args) throws Exception {
        var settings = ConfigurationManager.getConfigInstance();
        settings.setProperty("eureka.serviceUrl.default", args[0]);
        settings.setProperty("eureka.name", args[1]);
        settings.setProperty("eureka.port", args[2]);
        settings.setProperty("eureka.vipAddress", args[1]);
        settings.setProperty("eureka.lease.renewalInterval", 1);
        settings.setProperty("eureka.lease.duration", 10);
        settings.setProperty("eureka.client.refresh.interval", 1);
        settings.setProperty("eureka.appinfo.replicate.interval", 1);
        settings.setProperty("eureka.appinfo.initial.replicate.time", 0);

        var config = new MyDataCenterInstanceConfig();
        var info = new ApplicationInfoManager(config, new EurekaConfigBasedInstanceInfoProvider(config).get());
        var client = new DiscoveryClient(info, new DefaultEurekaClientConfig(), Jersey3TransportClientFactories.getInstance());
        info.setInstanceStatus(InstanceStatus.UP);

        var watcher = new Thread(() -> watch(client));
        watcher.setDaemon(true);
        watcher.start();
        var input = new BufferedReader(new InputStreamReader(System.in));
        while (input.readLine() != null) {
            // Only the end counts.
        }
        client.shutdown();
        System.out.println("left");
        System.exit(0);
    }

    private static void watch(DiscoveryClient client) {
        String before = "";
        while (true) {
            var names = client.getApplications().getRegisteredApplications().stream()
                .filter(app -> !app.getInstances().isEmpty())
                .map(Application::getName)
                .collect(Collectors.toCollection(TreeSet::new));
            String now = "seen " + String.join(" ", names);
            if (!now.equals(before)) System.out.println(now);
            before = now;
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                return;
            }
        }
    }
}
